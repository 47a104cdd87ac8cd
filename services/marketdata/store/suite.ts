import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allIntervals, inOrder, oracleCandles, type OracleCandle } from '../../../tests/marketdata/oracle.ts';
import {
  madeTrades,
  random,
  realTrades,
  shuffled,
  tradesFile,
  type TestTrade,
} from '../../../tests/marketdata/trades.ts';
import type { Interval } from '@sluice/market';
import type { Edition } from './edition.ts';
import { Store, type Order, type TradePosition, type TradeWriter } from './mod.ts';

/** Many real transactions on a machine that may be busy. */
const slow = { timeout: 180_000 };

export function testStore(
  url: string,
  options: { retentionDays?: number; report?: (event: { detail: string }) => void } = {},
): Store {
  return new Store({
    url,
    poolSize: 4,
    statementTimeoutMs: 20_000,
    retentionDays: options.retentionDays ?? 0,
    compressAfterDays: 7,
    report: options.report ?? (() => {}),
  });
}

/** What every edition of the database must do alike. `database` gives the address of a new, empty one. */
export function storeSuite(edition: Edition, database: () => Promise<string>): void {
  describe(`a store on the ${edition} edition`, () => {
    let url: string;
    const stores: Store[] = [];
    const writers: TradeWriter[] = [];

    beforeAll(async () => {
      url = await database();
      // Two replicas that start at the same moment migrate once.
      for (const opened of await Promise.all(
        [testStore(url), testStore(url)].map(async (store) => {
          stores.push(store);
          return await store.open();
        }),
      )) {
        expect(opened.edition).toBe(edition);
        writers.push(opened.writer);
      }
    });

    afterAll(async () => {
      await Promise.all(stores.map((store) => store.close()));
    });

    /** Both replicas write at once: every batch twice, in disorder, overlapping. */
    const writeWildly = async (trades: readonly TestTrade[], seed: number): Promise<number> => {
      const next = random(seed);
      const queues = writers.map(() => batches(shuffled(trades, next), 700, next));
      const stored = await Promise.all(
        writers.map(async (writer, i) => {
          let sum = 0;
          for (const batch of queues[i] ?? []) {
            sum += (await writer.write(batch)).stored;
            if (next() < 0.3) sum += (await writer.write(batch)).stored;
          }
          return sum;
        }),
      );
      return stored.reduce((a, b) => a + b);
    };

    const expectExact = async (trades: readonly TestTrade[], intervals: readonly string[]): Promise<void> => {
      const [store] = stores as [Store];
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
    };

    it.skipIf(tradesFile === undefined)(
      'keeps every recorded trade once and right candles while two replicas write it twice, shuffled',
      slow,
      async () => {
        const trades = realTrades();
        expect(await writeWildly(trades, 1)).toBe(trades.length);
        for (const symbol of ['BTCUSDT', 'ETHUSDT'])
          await expectExact(
            trades.filter((row) => row.symbol === symbol),
            allIntervals,
          );
        // Once more: nothing changes.
        expect(await writeWildly(trades.slice(0, 5_000), 2)).toBe(0);
        await expectExact(
          trades.filter((row) => row.symbol === 'BTCUSDT'),
          ['1m', '1d'],
        );
      },
    );

    it(
      'keeps right candles of every interval over years, with ids of all kinds within one millisecond',
      slow,
      async () => {
        const trades = madeTrades({
          symbol: 'MADE-1',
          count: 4_000,
          from: Date.UTC(2021, 10, 3),
          days: 900,
          seed: 3,
        });
        expect(await writeWildly(trades, 4)).toBe(trades.length);
        await expectExact(trades, allIntervals);
      },
    );

    it('gives the ticker over the last 1,440 minutes and the market’s own row', slow, async () => {
      const [store] = stores as [Store];
      const trades = madeTrades({
        symbol: 'DAY',
        count: 1_500,
        from: Date.UTC(2024, 1, 28),
        days: 3,
        seed: 5,
      });
      await writeWildly(trades, 6);
      const ordered = inOrder(trades).map(({ trade }) => trade);
      const last = ordered.at(-1)!;
      const from = Math.floor(last.ts / 60_000) * 60_000 - 1_439 * 60_000;
      const day = trades.filter(({ trade }) => trade.ts >= from);
      expect(day.length).toBeLessThan(trades.length);
      // One candle of a length that holds the whole day is the same fold.
      const moved = day.map((row) => ({ ...row, trade: { ...row.trade, ts: row.trade.ts - from } }));
      const [whole] = oracleCandles(moved, '1d') as [OracleCandle];
      const ticker = JSON.parse((await store.tickers.ticker('DAY')) as string) as Record<string, unknown>;
      expect(ticker).toEqual({
        symbol: 'DAY',
        ts: last.ts,
        last: last.price,
        last_size: last.size,
        side: last.side,
        open: whole.open,
        high: whole.high,
        low: whole.low,
        volume: whole.volume,
        quote_volume: whole.quote_volume,
        trades: day.length,
        change: ticker['change'],
      });
      expect(Number(ticker['change'])).toBeCloseTo(Number(last.price) - Number(whole.open), 6);
      expect(JSON.parse((await store.tickers.market('DAY')) as string)).toEqual({
        symbol: 'DAY',
        venues: ['made'],
        trades: trades.length,
        first_ts: ordered[0]!.ts,
        last_ts: last.ts,
        last: last.price,
      });
      expect(await store.tickers.ticker('NOPE')).toBeUndefined();
    });

    it('pages without gap or repetition while others insert before, between and after', slow, async () => {
      const [store] = stores as [Store];
      const [writer] = writers as [TradeWriter];
      const all = inOrder(
        madeTrades({ symbol: 'PAGES', count: 600, from: Date.UTC(2024, 5, 1), days: 2, seed: 7 }),
      );
      const first = all.filter((_, i) => i % 2 === 0);
      const later = shuffled(
        all.filter((_, i) => i % 2 === 1),
        random(8),
      );
      await writer.write(first);
      const market = (await store.markets.find('PAGES')) as number;
      for (const order of ['asc', 'desc'] as const) {
        const seen: string[] = [];
        let after: TradePosition | undefined;
        do {
          const page = await store.trades.page({ market, from: 0, to: 4e12, order, limit: 37, after });
          seen.push(...(parsed(page.rows) as { id: string }[]).map(({ id }) => id));
          after = page.next ?? undefined;
          const some = later.splice(0, 20);
          if (some.length > 0) await writer.write(some);
        } while (after);
        const place = new Map(all.map(({ trade }, i) => [trade.id, i]));
        const places = seen.map((id) => place.get(id) as number);
        const sorted = places.toSorted((a, b) => (order === 'asc' ? a - b : b - a));
        expect(places).toEqual(sorted);
        expect(new Set(seen).size).toBe(seen.length);
        for (const { trade } of first) expect(seen).toContain(trade.id);
      }
    });

    it('drops days that are older than trades are kept, and keeps their candles', slow, async () => {
      const separate = await database();
      const now = Date.now();
      const today = Math.floor(now / 86_400_000) * 86_400_000;
      const trade = (daysAgo: number): TestTrade => ({
        symbol: 'OLD',
        venue: 'made',
        trade: { id: String(daysAgo), ts: today - daysAgo * 86_400_000, price: '5', size: '1', side: 'buy' },
      });
      const reports: { detail: string }[] = [];
      const report = (event: { detail: string }): number => reports.push(event);
      const keeping = testStore(separate, { report });
      const { writer } = await keeping.open();
      await writer.write([trade(0), trade(1), trade(9), trade(10), trade(11), trade(400)]);
      const dropping = testStore(separate, { retentionDays: 9, report });
      await dropping.open();
      const market = (await dropping.markets.find('OLD')) as number;
      if (edition === 'community') {
        const jobs = await dropping.database.read({
          name: 'test_jobs',
          text: `SELECT proc_name FROM timescaledb_information.jobs WHERE hypertable_name = 'trade' ORDER BY 1`,
        });
        expect(jobs.flat()).toEqual(['policy_compression', 'policy_retention']);
        await dropping.database.session(({ client }) =>
          client.query(
            `DO $$ DECLARE job int; BEGIN
               FOR job IN SELECT job_id FROM timescaledb_information.jobs WHERE hypertable_name = 'trade'
               LOOP CALL run_job(job); END LOOP; END $$`,
          ),
        );
        const compressed = await dropping.database.read({
          name: 'test_chunks',
          text: `SELECT count(*)::int FROM timescaledb_information.chunks WHERE hypertable_name = 'trade' AND is_compressed`,
        });
        expect(compressed).toEqual([[3]]);
      }
      const left = (await allTrades(dropping, market, 'asc')) as { id: string }[];
      // One day more than asked for, two where the database's own job does it: writers may be behind by a day.
      expect(left.map(({ id }) => id)).toEqual(
        edition === 'community' ? ['11', '10', '9', '1', '0'] : ['10', '9', '1', '0'],
      );
      expect(await allCandles(dropping, market, '1d', 'desc')).toHaveLength(6);
      // Days that were compressed meanwhile take late trades, and know those they have.
      const late = { ...trade(9), trade: { ...trade(9).trade, id: 'late', price: '7' } };
      expect(await writer.write([trade(9), late, trade(10)])).toEqual({ stored: 1, duplicates: 2 });
      const [candle] = oracleCandles([trade(9), late], '1d');
      expect(await allCandles(dropping, market, '1d', 'desc')).toContainEqual(candle);
      // A later start finds everything as it should be.
      const again = testStore(separate, { retentionDays: 9, report });
      await again.open();
      await Promise.all([keeping.close(), dropping.close(), again.close()]);
      expect(reports).toEqual([]);
    });
  });
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

function parsed(rows: string): unknown[] {
  return JSON.parse(`[${rows}]`) as unknown[];
}

async function allTrades(store: Store, market: number, order: Order): Promise<unknown[]> {
  const rows: unknown[] = [];
  let after: TradePosition | undefined;
  do {
    const page = await store.trades.page({ market, from: 0, to: 4e12, order, limit: 1_000, after });
    rows.push(...parsed(page.rows));
    after = page.next ?? undefined;
  } while (after);
  return rows;
}

async function allCandles(
  store: Store,
  market: number,
  interval: Interval,
  order: Order,
): Promise<OracleCandle[]> {
  const rows: OracleCandle[] = [];
  let [from, to] = [0, 4e12];
  for (;;) {
    const page = await store.candles.page({ market, interval, order, limit: 300, from, to });
    rows.push(...(parsed(page.rows) as OracleCandle[]));
    if (page.next === null) return rows;
    if (order === 'asc') from = page.next + 1;
    else to = page.next;
  }
}
