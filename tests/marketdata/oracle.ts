import type { TestTrade } from './trades.ts';

/**
 * Candles and orders computed from every trade in the plainest way there is. It shares no code with what it checks: its
 * own fixed point, its own order of ids, its own calendar.
 */
export interface OracleCandle {
  readonly ts: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
  readonly quote_volume: string;
  readonly trades: number;
}

export const allIntervals = '1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M'.split(' ');

const unit: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function oracleBucket(interval: string, ts: number): number {
  const date = new Date(ts);
  if (interval === '1M') return Date.parse(`${date.toISOString().slice(0, 7)}-01T00:00:00Z`);
  if (interval === '1w') {
    const sinceMonday = (date.getUTCDay() + 6) % 7;
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() - sinceMonday);
  }
  const length = Number(interval.slice(0, -1)) * (unit[interval.slice(-1)] as number);
  return Math.floor(ts / length) * length;
}

/** Ascending by time, then integers by value, then everything else by its characters. */
export function inOrder(trades: readonly TestTrade[]): TestTrade[] {
  return trades.toSorted(({ trade: a }, { trade: b }) => {
    if (a.ts !== b.ts) return a.ts - b.ts;
    const numberA = /^(0|[1-9][0-9]*)$/.test(a.id);
    const numberB = /^(0|[1-9][0-9]*)$/.test(b.id);
    if (numberA && numberB) return BigInt(a.id) < BigInt(b.id) ? -1 : 1;
    if (numberA !== numberB) return numberA ? -1 : 1;
    return a.id < b.id ? -1 : 1;
  });
}

/** Candles of one market, ascending. Every trade must be there once. */
export function oracleCandles(trades: readonly TestTrade[], interval: string): OracleCandle[] {
  const buckets = new Map<number, TestTrade[]>();
  for (const row of inOrder(trades)) {
    const start = oracleBucket(interval, row.trade.ts);
    const bucket = buckets.get(start);
    if (bucket) bucket.push(row);
    else buckets.set(start, [row]);
  }
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([ts, rows]) => {
      const prices = rows.map(({ trade }) => fixed(trade.price));
      const sizes = rows.map(({ trade }) => fixed(trade.size));
      return {
        ts,
        open: text(prices[0] as bigint, 20),
        high: text(
          prices.reduce((a, b) => (b > a ? b : a)),
          20,
        ),
        low: text(
          prices.reduce((a, b) => (b < a ? b : a)),
          20,
        ),
        close: text(prices.at(-1) as bigint, 20),
        volume: text(
          sizes.reduce((a, b) => a + b),
          20,
        ),
        quote_volume: text(
          prices.reduce((sum, price, i) => sum + price * (sizes[i] as bigint), 0n),
          40,
        ),
        trades: rows.length,
      };
    });
}

/** The same with every bucket between the first and the last. */
export function oracleFilled(trades: readonly TestTrade[], interval: string): OracleCandle[] {
  const filled: OracleCandle[] = [];
  for (const candle of oracleCandles(trades, interval)) {
    let before = filled.at(-1);
    while (before && nextBucket(interval, before.ts) < candle.ts) {
      const { close } = before;
      const prices = { open: close, high: close, low: close, close };
      before = {
        ts: nextBucket(interval, before.ts),
        ...prices,
        volume: '0',
        quote_volume: '0',
        trades: 0,
      };
      filled.push(before);
    }
    filled.push(candle);
  }
  return filled;
}

/** Any moment of the next bucket, brought back to its start. */
function nextBucket(interval: string, start: number): number {
  if (interval === '1M') return oracleBucket(interval, start + 32 * 86_400_000);
  if (interval === '1w') return start + 7 * 86_400_000;
  return start + Number(interval.slice(0, -1)) * (unit[interval.slice(-1)] as number);
}

/** Twenty digits after the point. */
function fixed(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole) * 10n ** 20n + BigInt((fraction + '0'.repeat(20)).slice(0, 20));
}

function text(value: bigint, places: number): string {
  const one = 10n ** BigInt(places);
  const fraction = (value % one).toString().padStart(places, '0').replace(/0+$/, '');
  return fraction === '' ? String(value / one) : `${value / one}.${fraction}`;
}
