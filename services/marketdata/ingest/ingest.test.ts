import { Registry } from '@sluice/telemetry';
import { marketStream, tradeSubject, type Trade } from '@sluice/market';
import { connectBus, ensureStream, publishStored } from '@sluice/nats';
import { createDatabase, startNatsServer, startPostgres, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, askAll } from '../../../tests/marketdata/ask.ts';
import { oracleCandles } from '../../../tests/marketdata/oracle.ts';
import { madeTrades, random, realTrades, shuffled, tradesFile } from '../../../tests/marketdata/trades.ts';
import { marketdataMetrics } from '../metrics.ts';
import { StoreError, type TradeRow } from '../store/mod.ts';
import { publishTrades, startWorker, type TestWorker } from '../testing.ts';
import { Ingest } from './ingest.ts';

const candlesOf = (worker: TestWorker, symbol: string, interval: string): Promise<unknown[]> =>
  askAll(worker.bus, 'candles', symbol, `interval=${interval}&order=asc&limit=1000`);

async function marketTrades(worker: TestWorker, symbol: string): Promise<number> {
  const { body } = await ask(worker.bus, 'market', { symbol });
  return (body as { trades?: number }).trades ?? 0;
}

/** Real servers are started, stopped and waited for, on a machine that may be busy. */
const slow = { timeout: 120_000 };

describe('ingest', () => {
  let nats: TestNats;
  beforeAll(async () => {
    nats = await startNatsServer();
  });
  afterAll(async () => {
    await nats.stop();
  });

  it.skipIf(tradesFile === undefined)(
    'stores recorded trades once and folds them right, duplicated, shuffled, between two replicas',
    slow,
    async () => {
      await using server = await startNatsServer();
      const databaseUrl = await createDatabase();
      const workers = await Promise.all(
        [1, 2].map(() => startWorker({ natsUrl: server.url, databaseUrl, maxBatch: 700 })),
      );
      const [worker] = workers as [TestWorker];
      const trades = realTrades();
      const next = random(11);
      const copies = [...trades, ...trades.filter(() => next() < 0.4)];
      await Promise.all(workers.map(({ ingesting }) => ingesting));
      await publishTrades(worker.bus, shuffled(copies, next));
      const count = async (outcome: string): Promise<number> =>
        (await Promise.all(workers.map((each) => each.trades(outcome)))).reduce((a, b) => a + b);
      await until(async () => (await count('stored')) + (await count('duplicate')) >= copies.length, {
        timeoutMs: 90_000,
        message: 'every event handled',
      });
      expect(await count('stored')).toBe(trades.length);
      for (const symbol of ['BTCUSDT', 'ETHUSDT']) {
        const own = trades.filter((row) => row.symbol === symbol);
        expect(await marketTrades(worker, symbol)).toBe(own.length);
        for (const interval of ['1s', '1m', '1h', '1M'])
          expect(await candlesOf(worker, symbol, interval), interval).toEqual(oracleCandles(own, interval));
      }
      // Both did some of it: the stream hands batches to whoever asks.
      for (const each of workers) expect(await each.trades('stored')).toBeGreaterThan(0);
      await Promise.all(workers.map((each) => each.stop()));
    },
  );

  it('drops what is no trade, tells why, and goes on with the rest', slow, async () => {
    await using server = await startNatsServer();
    const worker = await startWorker({ natsUrl: server.url, databaseUrl: await createDatabase() });
    await worker.ingesting;
    const good = madeTrades({ symbol: 'GOOD', count: 50, from: 0, days: 1, seed: 12 });
    const send = (subject: string, text: string): Promise<unknown> =>
      publishStored(worker.bus, subject, text, { deadline: Date.now() + 5_000 });
    const trade = { id: '1', ts: 5, price: '1', size: '1', side: 'buy' };
    await send(tradeSubject('made', 'GOOD'), 'no JSON');
    await send(tradeSubject('made', 'GOOD'), JSON.stringify({ ...trade, price: '1e5' }));
    await send('market.trade.made.lower', JSON.stringify(trade));
    await send('market.trade.made.GOOD.more', JSON.stringify(trade));
    await publishTrades(worker.bus, good);
    await send(tradeSubject('made', 'GOOD'), JSON.stringify({ ...trade, side: null }));
    await send(tradeSubject('made', 'GOOD'), JSON.stringify({ ...trade, ts: Date.now() + 86_400_000 }));
    await until(async () => (await worker.trades('stored')) === good.length && worker.rejected.length === 6, {
      timeoutMs: 60_000,
      message: () => JSON.stringify(worker.rejected),
    });
    expect(worker.rejected.map(({ reason }) => reason.split(' ')[0])).toEqual([
      'payload',
      'price',
      'subject',
      'subject',
      'side',
      'ts',
    ]);
    expect(await worker.trades('rejected')).toBe(6);
    await worker.stop();
  });

  it('finds the one event that the database objects to, rejects it and stores the others', slow, async () => {
    const bus = await connectBus({ servers: [nats.url], name: 'bisect' });
    await ensureStream(bus, marketStream(1));
    const metrics = marketdataMetrics(new Registry());
    const trades = madeTrades({ symbol: 'HALVES', count: 99, from: 0, days: 1, seed: 13 });
    const poison = trades[41]!.trade.id;
    await publishTrades(bus, trades);
    const written: TradeRow[] = [];
    const rejected: string[] = [];
    const ingest = new Ingest(bus, {
      maxBatch: 200,
      maxWaitMs: 50,
      horizon: () => undefined,
      metrics,
      onRejected: ({ reason }) => rejected.push(reason),
    });
    await ingest.start({
      write: (rows) => {
        if (rows.some(({ trade }) => trade.id === poison))
          return Promise.reject(new StoreError('bad_data', 'value out of range'));
        written.push(...rows);
        return Promise.resolve({ stored: rows.length, duplicates: 0, expired: 0 });
      },
    });
    await until(() => written.length === 98 && rejected.length === 1);
    expect(rejected).toEqual(['value out of range']);
    expect(written.map(({ trade }) => trade.id).toSorted()).toEqual(
      trades
        .map(({ trade }) => trade.id)
        .filter((id) => id !== poison)
        .toSorted(),
    );
    await ingest.stop();
    await bus.close();
  });

  it(
    'loses nothing while the database is away, says so, and takes trades over HTTP all the time',
    slow,
    async () => {
      await using server = await startNatsServer();
      await using postgres = await startPostgres();
      const worker = await startWorker({ natsUrl: server.url, databaseUrl: postgres.url, maxBatch: 50 });
      await worker.ingesting;
      const trades = madeTrades({ symbol: 'AWAY', count: 3_000, from: 1e12, days: 2, seed: 14 });
      const post = async (rows: typeof trades): Promise<unknown> => {
        const body = { venue: 'made', trades: rows.map(({ trade }) => trade) };
        const answer = await ask(worker.bus, 'add-trades', { symbol: 'AWAY', body });
        expect(answer.status).toBe(202);
        return answer.body;
      };
      await publishTrades(worker.bus, trades.slice(0, 1_000));
      await until(async () => (await worker.trades('stored')) > 0);
      await postgres.pause();
      await publishTrades(worker.bus, trades.slice(900, 2_500));
      await until(() => !worker.store.ready, { message: 'the outage noticed' });
      const history = await ask(worker.bus, 'trades', { symbol: 'AWAY' });
      expect(history.status).toBe(503);
      expect(Number(history.header('retry-after'))).toBeGreaterThan(0);
      expect(JSON.stringify(history.body)).not.toMatch(/ECONN|postgres|127\.0\.0\.1|SELECT/);

      // The stream's window tells repetitions even now.
      expect(await post(trades.slice(2_500))).toEqual({ received: 500, new: 500, duplicates: 0 });
      expect(await post(trades.slice(2_400))).toMatchObject({ received: 600, duplicates: 500 });
      await postgres.restart();
      await until(async () => (await worker.trades('stored')) === trades.length, {
        timeoutMs: 90_000,
        message: 'all of it stored after the outage',
      });
      expect(await marketTrades(worker, 'AWAY')).toBe(trades.length);
      expect(worker.store.ready).toBe(true);
      for (const interval of ['1m', '4h', '1d'])
        expect(await candlesOf(worker, 'AWAY', interval), interval).toEqual(oracleCandles(trades, interval));
      // And now the database tells them, which remembers longer than the stream.
      expect(await post(trades.slice(0, 700))).toEqual({ received: 700, new: 0, duplicates: 700 });
      await worker.stop();
    },
  );

  it('starts without a database and begins when it comes', slow, async () => {
    await using server = await startNatsServer();
    await using postgres = await startPostgres();
    await postgres.pause();
    const worker = await startWorker({ natsUrl: server.url, databaseUrl: postgres.url });
    const trades = madeTrades({ symbol: 'LATER', count: 10, from: 0, days: 1, seed: 15 });
    await publishTrades(worker.bus, trades);
    expect((await ask(worker.bus, 'tickers')).status).toBe(503);
    expect(worker.store.ready).toBe(false);
    await postgres.restart();
    await worker.ingesting;
    await until(async () => (await worker.trades('stored')) === trades.length);
    await worker.stop();
  });

  it('passes over trades that are older than trades are kept', slow, async () => {
    await using server = await startNatsServer();
    const worker = await startWorker({
      natsUrl: server.url,
      databaseUrl: await createDatabase(),
      retentionDays: 3,
    });
    await worker.ingesting;
    const trades = await onlyYoungIsStored(worker, 4);
    const refused = await ask(worker.bus, 'add-trades', { symbol: 'AGED', body: { trades } });
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({ errors: [{ in: 'body', pointer: '/trades/1/ts' }] });
    await worker.stop();
  });

  it('passes over trades of days that were dropped when trades were kept for less time', slow, async () => {
    await using server = await startNatsServer();
    const databaseUrl = await createDatabase();
    const earlier = await startWorker({ natsUrl: server.url, databaseUrl, retentionDays: 3 });
    await earlier.ingesting;
    await earlier.store.upkept();
    await earlier.stop();
    const worker = await startWorker({ natsUrl: server.url, databaseUrl });
    await worker.ingesting;
    const trades = await onlyYoungIsStored(worker, 6);
    for (const symbol of ['AGED', 'NEW']) {
      const refused = await ask(worker.bus, 'add-trades', { symbol, body: { trades } });
      expect(refused.status).toBe(400);
      expect(refused.body).toMatchObject({ errors: [{ in: 'body', pointer: '/trades/1/ts' }] });
    }
    await worker.stop();
  });
});

/** Publishes a trade of so many days ago and one of now, of which one is to be stored. Gives the young one and the old. */
async function onlyYoungIsStored(worker: TestWorker, days: number): Promise<Trade[]> {
  const at = (id: string, ts: number) => ({ id, ts, price: '1', size: '1', side: 'buy' as const });
  const old = at('1', Date.now() - days * 86_400_000);
  const young = at('2', Date.now());
  await publishTrades(
    worker.bus,
    [old, young].map((trade) => ({ symbol: 'AGED', venue: 'made', trade })),
  );
  await until(async () => (await worker.trades('stored')) + (await worker.trades('expired')) === 2);
  expect(await marketTrades(worker, 'AGED')).toBe(1);
  return [young, old];
}
