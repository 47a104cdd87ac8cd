import { marketStream, tradeMessageId, tradeSubject } from '@sluice/market';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import {
  startNatsServer,
  startPostgres,
  startStack,
  until,
  type TestPostgres,
  type TestStack,
} from '@sluice/testing';
import { expect, it } from 'vitest';
import { allIntervals, inOrder, oracleCandles } from './marketdata/oracle.ts';
import { ask, askAll } from './marketdata/ask.ts';
import { random, realTrades, shuffled, tradesFile, type TestTrade } from './marketdata/trades.ts';

/**
 * Two real workers, a real stream and a real database: killed, stopped and brought back while the recorded trades pour in
 * twice and in disorder. In the end every trade is there once and every candle is what the trades give.
 */

const gentle = { SLUICE_INGEST_BATCH: '400', SLUICE_DATABASE_POOL: '4' };

async function publish(bus: Bus, trades: readonly TestTrade[], named: boolean): Promise<void> {
  for (let at = 0; at < trades.length; at += 1_000)
    await Promise.all(
      trades.slice(at, at + 1_000).map(({ venue, symbol, trade }) =>
        publishStored(bus, tradeSubject(venue, symbol), JSON.stringify(trade), {
          deadline: Date.now() + 30_000,
          ...(named ? { msgId: tradeMessageId(venue, symbol, trade.id) } : {}),
        }),
      ),
    );
}

it.skipIf(tradesFile === undefined)(
  'every trade is stored once and every candle is right, whatever is killed, stopped, repeated or late',
  async () => {
    await using nats = await startNatsServer();
    await using postgres: TestPostgres = await startPostgres();
    const bus = await connectBus({ servers: [nats.url], name: 'feed' });
    await ensureStream(bus, marketStream(1));
    await using stack: TestStack = await startStack({
      services: ['marketdata', 'marketdata'],
      nats,
      databaseUrl: postgres.url,
      env: gentle,
    });
    const stored = async (): Promise<number> => {
      const [row] = await postgres.query('SELECT count(*)::int AS n FROM trade');
      return row?.['n'] as number;
    };
    const trades = realTrades();
    const next = random(31);
    const [first, second] = [trades.slice(0, 20_000), trades.slice(20_000)];

    // One worker is killed in the middle of its work; its batch goes to the other.
    const pouring = publish(bus, shuffled(first, next), true);
    const patient = { timeoutMs: 60_000 };
    await until(async () => (await stored()) > 1_000, patient);
    expect(await stored()).toBeLessThan(first.length);
    await stack.services[0]!.process.kill();
    await pouring;

    // The database goes away with trades coming in, and comes back. The survivor needs no restart.
    await until(async () => (await stored()) > 5_000, patient);
    await postgres.pause();
    await publish(bus, shuffled([...second, ...first.slice(0, 3_000)], next), false);
    const { ops } = stack.services[1]!;
    await until(async () => (await fetch(`${ops}/health/ready`)).status === 503, {
      ...patient,
      message: 'readiness names the outage',
    });
    expect((await ask(bus, 'trades', { symbol: 'BTCUSDT' })).status).toBe(503);
    await postgres.restart();
    await stack.start('marketdata', gentle);
    await until(async () => (await stored()) === trades.length, { timeoutMs: 60_000, message: 'all stored' });
    await until(async () => (await fetch(`${ops}/health/ready`)).status === 200, patient);

    // Everything once more, late.
    await publish(bus, shuffled(trades, next).slice(0, 10_000), false);
    await until(async () => {
      const text = await Promise.all(
        [stack.services[1]!, stack.services[2]!].map(async (service) =>
          (await fetch(`${service.ops}/metrics`)).text(),
        ),
      );
      const duplicates = text.map((page) =>
        Number(/trades_total{outcome="duplicate"[^}]*} (\d+)/.exec(page)?.[1] ?? 0),
      );
      return duplicates.reduce((a, b) => a + b) >= 10_000;
    }, patient);
    expect(await stored()).toBe(trades.length);
    for (const symbol of ['BTCUSDT', 'ETHUSDT']) {
      const own = trades.filter((row) => row.symbol === symbol);
      expect(await askAll(bus, 'trades', symbol, 'order=asc&limit=1000')).toEqual(
        inOrder(own).map(({ trade }) => trade),
      );
      for (const interval of allIntervals)
        expect(
          await askAll(bus, 'candles', symbol, `order=asc&limit=1000&interval=${interval}`),
          interval,
        ).toEqual(oracleCandles(own, interval));
    }
    await bus.close();
  },
);
