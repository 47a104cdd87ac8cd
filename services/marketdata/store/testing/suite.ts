import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  allIntervals,
  inOrder,
  oracleCandles,
  type OracleCandle,
} from '../../../../tests/marketdata/oracle.ts';
import {
  madeTrades,
  random,
  realTrades,
  shuffled,
  tradesFile,
  type TestTrade,
} from '../../../../tests/marketdata/trades.ts';
import type { Edition } from '../edition.ts';
import type { TradePosition } from '../mod.ts';
import { Replicas } from './replicas.ts';
import { retentionCases } from './retention.ts';
import { parsed, slow } from './test-store.ts';

/** What every edition of the database must do alike. `database` gives the address of a new, empty one. */
export function storeSuite(edition: Edition, database: () => Promise<string>): void {
  describe(`a store on the ${edition} edition`, () => {
    let replicas: Replicas;

    beforeAll(async () => {
      replicas = new Replicas(await database());
      expect(await replicas.open()).toEqual([edition, edition]);
    });

    afterAll(() => replicas.close());

    it.skipIf(tradesFile === undefined)(
      'keeps every recorded trade once and right candles while two replicas write it twice, shuffled',
      slow,
      async () => {
        const trades = realTrades();
        expect(await replicas.writeWildly(trades, 1)).toBe(trades.length);
        for (const symbol of ['BTCUSDT', 'ETHUSDT'])
          await replicas.expectExact(
            trades.filter((row) => row.symbol === symbol),
            allIntervals,
          );
        // Once more: nothing changes.
        expect(await replicas.writeWildly(trades.slice(0, 5_000), 2)).toBe(0);
        await replicas.expectExact(
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
        expect(await replicas.writeWildly(trades, 4)).toBe(trades.length);
        await replicas.expectExact(trades, allIntervals);
      },
    );

    it('gives the ticker over the last 1,440 minutes and the market’s own row', slow, async () => {
      const { store } = replicas;
      const trades = madeTrades({
        symbol: 'DAY',
        count: 1_500,
        from: Date.UTC(2024, 1, 28),
        days: 3,
        seed: 5,
      });
      await replicas.writeWildly(trades, 6);
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

    it(
      'knows which of the trades of one millisecond is the last, whichever was written first',
      slow,
      async () => {
        const { store, writer } = replicas;
        const at = (symbol: string, id: string, price: string): TestTrade => ({
          symbol,
          venue: 'made',
          trade: { id, ts: 1_000, price, size: '1', side: 'buy' },
        });
        for (const [symbol, ids] of [
          ['LAST-1', ['9', '10']],
          ['LAST-2', ['10', '9']],
        ] as const) {
          for (const id of ids) await writer.write([at(symbol, id, id === '10' ? '7' : '5')]);
          expect(JSON.parse((await store.tickers.market(symbol)) as string)).toMatchObject({ last: '7' });
          const market = (await store.markets.find(symbol)) as number;
          expect(await store.candles.closeBefore(market, '1s', 2_000)).toBe('7');
        }
      },
    );

    it('finds the next page of seconds where the range cuts the first minute', slow, async () => {
      const { store, writer } = replicas;
      const minutes = [0, 60_000, 120_000].map(
        (ts, i): TestTrade => ({
          symbol: 'CUT',
          venue: 'made',
          trade: { id: String(i), ts, price: '5', size: '1', side: 'buy' },
        }),
      );
      await writer.write(minutes);
      const market = (await store.markets.find('CUT')) as number;
      const query = { market, interval: '1s', limit: 1 } as const;
      expect((await store.candles.page({ ...query, order: 'asc', from: 1_000, to: 4e12 })).next).toBe(60_000);
    });

    it('pages without gap or repetition while others insert before, between and after', slow, async () => {
      const { store, writer } = replicas;
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

    retentionCases(edition, database);
  });
}
