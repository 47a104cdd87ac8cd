import { readFileSync } from 'node:fs';
import { realData } from '@sluice/testing';

/** A trade with its names, as the tests hand it around. */
export interface TestTrade {
  readonly symbol: string;
  readonly venue: string;
  readonly trade: {
    readonly id: string;
    readonly ts: number;
    readonly price: string;
    readonly size: string;
    readonly side: 'buy' | 'sell';
  };
}

/** Recorded trades, or undefined where the data is not beside the checkout. */
export const tradesFile = realData('trades_binance_20240808.csv');

export function realTrades(): TestTrade[] {
  if (tradesFile === undefined) throw new Error('the recorded trades are not beside this checkout');
  const [, ...lines] = readFileSync(tradesFile, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [ts, symbol, id, price, size, side] = line.split(',') as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    return {
      symbol,
      venue: 'binance',
      trade: { id, ts: Number(ts), price, size, side: side === 'buy' ? 'buy' : 'sell' },
    };
  });
}

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(items: readonly T[], next: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/**
 * Trades in clumps over `days`, some within one millisecond and with ids of several kinds, so that every interval has
 * full, half-full and empty buckets.
 */
export function madeTrades(options: {
  readonly symbol: string;
  readonly count: number;
  readonly from: number;
  readonly days: number;
  readonly seed: number;
}): TestTrade[] {
  const next = random(options.seed);
  const trades: TestTrade[] = [];
  let ts = options.from;
  let id = 95;
  while (trades.length < options.count) {
    if (next() < 0.05) ts = options.from + Math.floor(next() * options.days * 86_400_000);
    else ts += Math.floor(next() * next() * 40_000);
    for (let twins = next() < 0.2 ? 3 : 1; twins > 0; twins--) {
      id += 1;
      trades.push({
        symbol: options.symbol,
        venue: 'made',
        trade: {
          id: id % 7 === 0 ? `t${id}` : String(id),
          ts,
          price: trim((1000 + next() * 500).toFixed(Math.floor(next() * 9))),
          size: trim((0.001 + next()).toFixed(3 + Math.floor(next() * 5))),
          side: next() < 0.5 ? 'buy' : 'sell',
        },
      });
    }
  }
  return trades.slice(0, options.count);
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
