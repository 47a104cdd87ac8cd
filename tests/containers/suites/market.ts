import { describe, expect, it } from 'vitest';
import { until } from '@sluice/testing';
import { allIntervals, inOrder, oracleCandles } from '../../marketdata/oracle.ts';
import { random, shuffled } from '../../marketdata/trades.ts';
import { publishAll, tradesFor } from '../support/feed.ts';
import { getAll, getJson } from '../support/rest.ts';
import type { Subject } from './subject.ts';

/** Ingest and history on the real servers, seen from outside, against an independent recomputation. */
export function marketSuite(get: () => Subject): void {
  describe('market data', () => {
    const trades = tradesFor('');
    const symbols = [...new Set(trades.map(({ symbol }) => symbol))];

    it('stores every trade once, whatever is out of order or repeated', async () => {
      const { cluster, bus } = get();
      const next = random(7);
      await publishAll(bus, shuffled(trades, next));
      await publishAll(bus, shuffled(trades, next).slice(0, 3_000));
      for (const symbol of symbols) {
        const own = trades.filter((row) => row.symbol === symbol);
        await until(
          async () => {
            const { body } = await getJson(cluster.gateways[0]!, `/v1/markets/${symbol}`);
            return (body as { trades?: number }).trades === own.length;
          },
          { timeoutMs: 60_000, everyMs: 200, message: `${own.length} trades of ${symbol} are stored` },
        );
        expect(
          await getAll(cluster.gateways[1]!, `/v1/markets/${symbol}/trades?order=asc&limit=1000`),
        ).toEqual(inOrder(own).map(({ trade }) => trade));
      }
    });

    it('gives candles of every interval as a recomputation from the trades does', async () => {
      const { cluster } = get();
      for (const symbol of symbols) {
        const own = trades.filter((row) => row.symbol === symbol);
        for (const interval of allIntervals)
          expect(
            await getAll(
              cluster.gateways[0]!,
              `/v1/markets/${symbol}/candles?interval=${interval}&order=asc&limit=1000`,
            ),
            `${symbol} ${interval}`,
          ).toEqual(oracleCandles(own, interval));
      }
    });

    it('takes trades over HTTP through either edge and knows what it has already', async () => {
      const { cluster } = get();
      const made = trades.slice(0, 500).map(({ trade }) => trade);
      const post = async (gateway: string): Promise<unknown> => {
        const response = await fetch(`${gateway}/v1/markets/POSTED/trades`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-api-key': cluster.key },
          body: JSON.stringify({ venue: 'test', trades: made }),
        });
        return await response.json();
      };
      const count = made.length;
      expect(await post(cluster.gateways[0]!)).toEqual({ received: count, new: count, duplicates: 0 });
      expect(await post(cluster.gateways[1]!)).toEqual({ received: count, new: 0, duplicates: count });
    });
  });
}
