import { describe, expect, it } from 'vitest';
import { until } from '@sluice/testing';
import { LiveClient } from '../../../services/edge/live/testing/client.ts';
import { oracleCandles } from '../../marketdata/oracle.ts';
import { publishAll, tradesFor } from '../support/feed.ts';
import { followEvents, followWebSocket } from '../support/follower.ts';
import { getJson } from '../support/rest.ts';
import type { Subject } from './subject.ts';

/** Live channels on the real servers: every replica of the stream, two broadcasters, two edges. */
export function liveSuite(get: () => Subject): void {
  describe('live channels', () => {
    it('are whole over WebSocket and server-sent events on every edge, while trades pour in', async () => {
      const { cluster, bus } = get();
      const trades = tradesFor('-L').slice(0, 3_000);
      const symbol = trades[0]!.symbol;
      const own = trades.filter((row) => row.symbol === symbol);
      const channel = `trades.${symbol}`;
      await publishAll(bus, trades.slice(0, 100));
      const pouring = publishAll(bus, trades.slice(100, 2_000), 20);
      const followers = await Promise.all([
        followWebSocket([cluster.gateways[0]!], channel),
        followWebSocket([cluster.gateways[1]!], channel),
        followEvents(cluster.gateways[0]!, channel),
        followEvents(cluster.gateways[1]!, channel),
      ]);
      await pouring;
      await publishAll(bus, trades.slice(2_000), 20);
      const last = own.at(-1)!.trade;
      for (const follower of followers) {
        await until(() => (follower.updates.at(-1)?.data as { id?: string } | undefined)?.id === last.id, {
          timeoutMs: 60_000,
          message: () => `trade ${last.id} arrives; ${follower.updates.length} came`,
        });
        follower.close();
        expect(follower.faults()).toEqual([]);
        expect(follower.updates.length).toBeGreaterThan(0);
        // From the first update on nothing is left out.
        expect(follower.updates.map(({ data }) => data)).toEqual(
          own.slice(-follower.updates.length).map(({ trade }) => trade),
        );
      }

      const client = await LiveClient.connect(`${cluster.gateways[1]}/v1/stream`);
      const candle = oracleCandles(own, '1m').at(-1);
      await until(async () => {
        const standings = await client.subscribe(`candles.${symbol}.1m`, `ticker.${symbol}`);
        await client.op('unsubscribe', { channels: [`candles.${symbol}.1m`, `ticker.${symbol}`] });
        const ticker = standings[`ticker.${symbol}`]?.data as { ts?: number } | undefined;
        return (
          JSON.stringify(standings[`candles.${symbol}.1m`]?.data) === JSON.stringify(candle) &&
          ticker?.ts === last.ts
        );
      });
      const rest = await getJson(cluster.gateways[0]!, `/v1/markets/${symbol}/ticker`);
      const standings = await client.subscribe(`ticker.${symbol}`);
      expect(standings[`ticker.${symbol}`]?.data).toEqual(rest.body);
      await client.close();
    });
  });
}
