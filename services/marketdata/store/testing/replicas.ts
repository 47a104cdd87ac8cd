import type { Interval } from '@sluice/market';
import { expect } from 'vitest';
import { inOrder, oracleCandles } from '../../../../tests/marketdata/oracle.ts';
import { random, shuffled, type TestTrade } from '../../../../tests/marketdata/trades.ts';
import type { Edition } from '../edition.ts';
import type { Order, Store, TradeWriter } from '../mod.ts';
import { allCandles, allTrades, testStore } from './test-store.ts';

/** Trades of a batch at most. */
const largestBatch = 700;

/** Two stores on one database, as two replicas of the worker have them. */
export class Replicas {
  readonly #stores: readonly [Store, Store];
  #writers: readonly TradeWriter[] = [];

  constructor(url: string) {
    this.#stores = [testStore(url), testStore(url)];
  }

  /** Both at the same moment: they migrate once. Gives the edition that each of them has found. */
  async open(): Promise<readonly Edition[]> {
    const opened = await Promise.all(this.#stores.map((store) => store.open()));
    this.#writers = opened.map(({ writer }) => writer);
    return opened.map(({ edition }) => edition);
  }

  get store(): Store {
    return this.#stores[0];
  }

  get writer(): TradeWriter {
    return this.#writers[0] as TradeWriter;
  }

  /** Both replicas write at once: every batch twice, in disorder, overlapping. Gives the number of trades that were new. */
  async writeWildly(trades: readonly TestTrade[], seed: number): Promise<number> {
    const next = random(seed);
    const queues = this.#writers.map(() => batches(shuffled(trades, next), largestBatch, next));
    const stored = await Promise.all(
      this.#writers.map(async (writer, i) => {
        let sum = 0;
        for (const batch of queues[i] ?? []) {
          sum += (await writer.write(batch)).stored;
          if (next() < 0.3) sum += (await writer.write(batch)).stored;
        }
        return sum;
      }),
    );
    return stored.reduce((a, b) => a + b);
  }

  /** The database has these trades of a market, each once, and the candles that they give; read in both directions. */
  async expectExact(trades: readonly TestTrade[], intervals: readonly string[]): Promise<void> {
    const { store } = this;
    const { symbol } = trades[0] as TestTrade;
    const market = (await store.markets.find(symbol)) as number;
    const read = async (order: Order): Promise<unknown[]> => await allTrades(store, market, order);
    const expected = inOrder(trades).map(({ trade }) => trade);
    expect(await read('asc')).toEqual(expected);
    expect(await read('desc')).toEqual(expected.toReversed());
    for (const interval of intervals) {
      const candles = oracleCandles(trades, interval);
      expect(await allCandles(store, market, interval as Interval, 'asc'), interval).toEqual(candles);
      expect(await allCandles(store, market, interval as Interval, 'desc'), interval).toEqual(
        candles.toReversed(),
      );
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
  }
}

function batches<T>(items: readonly T[], most: number, next: () => number): T[][] {
  const result: T[][] = [];
  for (let at = 0; at < items.length; ) {
    const size = 1 + Math.floor(next() * most);
    result.push(items.slice(at, at + size));
    at += size;
  }
  return result;
}
