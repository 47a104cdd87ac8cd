import { marketStream, marketStreamName } from '@sluice/market';
import { connectBus, ensureStream, lastMessages, publishStored, type Bus } from '@sluice/nats';
import { realData, startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Listener, publishTrades, startReplica, type Replica } from './testing/harness.ts';
import { bucketStarts, readTrades, recompute, recomputeTicker, type Row } from './testing/recompute.ts';

const file = realData('trades_binance_20240808.csv');
const symbols = ['BTCUSDT', 'ETHUSDT'] as const;

let nats: TestNats;
let bus: Bus;
let replicas: Replica[];

beforeEach(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
  replicas = [];
});

afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.stop()));
  await bus.close(1_000);
  await nats.stop();
});

async function start(options?: Parameters<typeof startReplica>[1]): Promise<Replica> {
  const replica = await startReplica(nats.url, options);
  replicas.push(replica);
  return replica;
}

/** What the live stream holds last of every channel must be what a recomputation from all trades gives. */
async function expectFinalState(rows: readonly Row[]): Promise<void> {
  for (const symbol of symbols) {
    const own = rows.filter((row) => row.symbol === symbol);
    const stored = await lastMessages(bus, 'LIVE', [
      `live.in.ticker.${symbol}`,
      `live.in.candles.${symbol}.*`,
    ]);
    const state = new Map(
      stored.map(({ subject, data }) => [subject.slice(8), JSON.parse(Buffer.from(data).toString())]),
    );
    expect(state.get(`ticker.${symbol}`)).toEqual(recomputeTicker(own));
    for (const [interval, start] of Object.entries(bucketStarts)) {
      const newest = [...recompute(own, start).values()].at(-1);
      expect(state.get(`candles.${symbol}.${interval}`), `${symbol} ${interval}`).toEqual(newest);
    }
    expect(state.size).toBe(17);
  }
}

function expectTrades(listener: Listener, rows: readonly Row[]): void {
  for (const symbol of symbols) {
    const expected = rows
      .filter((row) => row.symbol === symbol)
      .map(({ id, ts, price, size, side }) => ({ id, ts, price, size, side }));
    expect(listener.of(`trades.${symbol}`)).toEqual(expected);
  }
  const last = new Map<string, number>();
  for (const { channel, seq, prev } of listener.events) {
    expect(prev).toBe(last.get(channel) ?? 0);
    last.set(channel, seq);
  }
}

async function settled(listener: Listener, rows: readonly Row[]): Promise<void> {
  await until(
    () =>
      symbols.every((symbol) => {
        const own = rows.filter((row) => row.symbol === symbol);
        return (
          listener.of(`trades.${symbol}`).length >= own.length &&
          listener.newest(`ticker.${symbol}`)?.['trades'] === own.length &&
          listener.newest(`candles.${symbol}.1M`)?.['trades'] === own.length
        );
      }),
    {
      timeoutMs: 120_000,
      everyMs: 100,
      message: () => `all trades broadcast, ${listener.events.length} events so far`,
    },
  );
}

describe.skipIf(file === undefined)('with recorded trades', () => {
  const rows = file === undefined ? [] : readTrades(file);

  const part = rows.slice(0, 6_000);

  it('broadcasts every trade in order and ends with exact candles and tickers', {
    timeout: 180_000,
  }, async () => {
    const listener = new Listener(bus);
    await start();
    await publishTrades(bus, rows);
    await settled(listener, rows);
    expectTrades(listener, rows);
    await expectFinalState(rows);
    for (const symbol of symbols) {
      const own = rows.filter((row) => row.symbol === symbol);
      for (const interval of ['1m', '1h', '1d']) {
        // A candle is published in its final state before the next one begins.
        const closed = new Map(
          listener.of(`candles.${symbol}.${interval}`).map((candle) => [candle['ts'], candle]),
        );
        expect(closed).toEqual(recompute(own, bucketStarts[interval] as (ts: number) => number));
      }
    }
  });

  it('is taken over without a gap or a repetition when the active replica dies', {
    timeout: 120_000,
  }, async () => {
    const listener = new Listener(bus);
    const first = await start({ checkpointMs: 100 });
    const second = await start();
    expect(await second.active()).toBe(false);
    await publishTrades(bus, part.slice(0, 2_000));
    await until(() => listener.of('trades.BTCUSDT').length > 500, { timeoutMs: 30_000 });
    await until(async () => (await first.value('sluice_broadcaster_checkpoints_total')) > 0, {
      timeoutMs: 30_000,
    });
    const pouring = publishTrades(bus, part.slice(2_000));
    await until(() => listener.events.length > 2_600, { timeoutMs: 30_000 });
    await first.crash();
    await pouring;
    await until(() => second.active(), { timeoutMs: 30_000 });
    await settled(listener, part);
    expectTrades(listener, part);
    await expectFinalState(part);
  });

  it('knows what was published before it, however long ago that was', { timeout: 120_000 }, async () => {
    const listener = new Listener(bus);
    // No checkpoint but the one of the handover: everything after it is read again.
    const first = await start({ checkpointMs: 60_000 });
    await publishTrades(bus, part.slice(0, 1_000));
    await settled(listener, part.slice(0, 1_000));
    await first.crash();
    await publishTrades(bus, part.slice(1_000));
    const second = await start();
    await settled(listener, part);
    expectTrades(listener, part);
    // They were not even published again, so the stream's duplicate window played no part.
    expect(await second.value('sluice_broadcaster_repeated_total')).toBe(1_000);
    await expectFinalState(part);
  });

  it('hands over at once, with everything published', { timeout: 120_000 }, async () => {
    const listener = new Listener(bus);
    const first = await start({ checkpointMs: 60_000 });
    const second = await start();
    await publishTrades(bus, part.slice(0, 3_000));
    await first.stop();
    replicas.splice(replicas.indexOf(first), 1);
    await until(() => second.active(), { timeoutMs: 10_000 });
    await publishTrades(bus, part.slice(3_000));
    await settled(listener, part);
    expectTrades(listener, part);
    await expectFinalState(part);
    expect(await second.value('sluice_broadcaster_repeated_total')).toBe(0);
  });

  it('shows the present state to a live stream that was lost', { timeout: 120_000 }, async () => {
    await start();
    await publishTrades(bus, part.slice(0, 2_000));
    await until(() => expectFinalState(part.slice(0, 2_000)).then(() => true), { timeoutMs: 30_000 });
    await nats.restart();
    await until(() => bus.connected, { timeoutMs: 30_000 });
    // Memory is gone, and everything is there again before another trade came.
    await until(async () => (await lastMessages(bus, 'LIVE', ['live.in.>'])).length === 36, {
      timeoutMs: 60_000,
      message: 'trades, ticker and candles of two markets in the new stream',
    });
    const listener = new Listener(bus);
    await bus.flush();
    await publishTrades(bus, part.slice(2_000));
    await until(
      () =>
        symbols.every(
          (symbol) =>
            listener.newest(`candles.${symbol}.1M`)?.['trades'] ===
            part.filter((row) => row.symbol === symbol).length,
        ),
      { timeoutMs: 60_000 },
    );
    await until(() => expectFinalState(part).then(() => true));
    for (const symbol of symbols) {
      const expected = part.slice(2_000).filter((row) => row.symbol === symbol);
      expect(listener.of(`trades.${symbol}`).map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    }
  });

  it('counts late, shuffled and repeated trades once', { timeout: 120_000 }, async () => {
    const listener = new Listener(bus);
    await start();
    const few = part.slice(0, 7 * 214);
    // Neighbours change places, within a candle or across its end.
    const shuffled = few.map((_, i) => few[i % 7 === 6 ? i : i - (i % 7) + (((i % 7) * 5) % 6)] as Row);
    expect(new Set(shuffled)).toEqual(new Set(few));
    await publishTrades(bus, shuffled);
    await settled(listener, few);
    const before = listener.events.filter(({ channel }) => channel.startsWith('trades.')).length;
    expect(before).toBe(few.length);
    // A feed that was started again: other message ids, so the market stream stores them all a second time.
    await Promise.all(
      few.map(({ symbol, ...trade }, i) =>
        publishStored(bus, `market.trade.binance.${symbol}`, JSON.stringify(trade), {
          msgId: `again-${i}`,
          deadline: Date.now() + 20_000,
        }),
      ),
    );
    const more = part.slice(few.length, few.length + 200);
    await publishTrades(bus, more);
    await settled(listener, [...few, ...more]);
    expect(listener.events.filter(({ channel }) => channel.startsWith('trades.')).length).toBe(
      few.length + 200,
    );
    await expectFinalState([...few, ...more]);
  });
});

describe('without trades', () => {
  it('conflates quotes and passes over what is none', async () => {
    const listener = new Listener(bus);
    await start();
    const quote = (i: number) => ({
      id: `${i}`,
      ts: 1_000 + i,
      bid: `${i}.50`,
      bid_size: '1',
      ask: `${i + 1}`,
      ask_size: '0',
    });
    for (let i = 1; i <= 200; i++) bus.publish('market.quote.binance.BTCUSDT', JSON.stringify(quote(i)));
    bus.publish('market.quote.binance.BTCUSDT', 'no json');
    bus.publish('market.trade.binance.BTCUSDT', '{"id":"1"}');
    bus.publish('market.other.binance.BTCUSDT', 'x');
    bus.publish('market.quote.binance.BTCUSDT', JSON.stringify(quote(201)));
    await until(() => listener.newest('quotes.BTCUSDT')?.['id'] === '201');
    expect(listener.newest('quotes.BTCUSDT')).toEqual({ ...quote(201), bid: '201.5' });
    expect(listener.of('quotes.BTCUSDT').length).toBeLessThan(100);
    expect(listener.of('trades.BTCUSDT')).toEqual([]);
  });

  it('publishes a candle again that a late trade changes, and the newest one after it', async () => {
    const listener = new Listener(bus);
    await start();
    const trade = (id: string, ts: number): Row => ({
      symbol: 'BTCUSDT',
      id,
      ts,
      price: '2',
      size: '3',
      side: 'buy',
    });
    const candles = () =>
      listener.of('candles.BTCUSDT.1m').map(({ ts, trades }) => `${String(ts)}: ${String(trades)}`);
    await publishTrades(bus, [trade('1', 60_000)]);
    await until(() => candles().at(-1) === '60000: 1');
    await publishTrades(bus, [trade('2', 120_000)]);
    await until(() => candles().at(-1) === '120000: 1');
    await publishTrades(bus, [trade('3', 60_001)]);
    await until(() => candles().slice(-2).join() === '60000: 2,120000: 1');
  });

  it('is not held still by a trade of a time to come', async () => {
    const listener = new Listener(bus);
    await start();
    const now = Date.now();
    const trade = (id: string, ts: number, price: string): Row => ({
      symbol: 'BTCUSDT',
      id,
      ts,
      price,
      size: '1',
      side: 'buy',
    });
    await publishTrades(bus, [trade('1', now, '100')]);
    await publishTrades(bus, [trade('2', now + 3 * 86_400_000, '5')]);
    await publishTrades(bus, [trade('3', now + 1, '101')]);
    await until(() => listener.newest('ticker.BTCUSDT')?.['last'] === '101');
    expect(listener.of('trades.BTCUSDT').map(({ id }) => id)).toEqual(['1', '3']);
  });

  it('goes on with a market stream that was deleted and made anew', async () => {
    const listener = new Listener(bus);
    await start();
    const trade = (id: string): Row => ({
      symbol: 'BTCUSDT',
      id,
      ts: 60_000,
      price: '2',
      size: '3',
      side: 'buy',
    });
    await publishTrades(bus, [trade('1'), trade('2')]);
    await until(() => listener.newest('ticker.BTCUSDT')?.['trades'] === 2);
    await bus.request(`$JS.API.STREAM.DELETE.${marketStreamName}`, '', { deadline: Date.now() + 5_000 });
    await ensureStream(bus, marketStream(1, 1024 ** 3));
    await publishTrades(bus, [trade('3')]);
    await until(() => listener.newest('ticker.BTCUSDT')?.['trades'] === 3, { timeoutMs: 20_000 });
  }, 60_000);

  it('keeps shards apart', async () => {
    const listener = new Listener(bus);
    const btc = await start({ shard: 'btc', filter: 'market.*.*.BTCUSDT' });
    const eth = await start({ shard: 'eth', filter: 'market.*.*.ETHUSDT' });
    await until(async () => (await btc.active()) && (await eth.active()));
    const trade = { ts: 1_000, id: '1', price: '2', size: '3', side: 'buy' as const };
    await publishTrades(
      bus,
      symbols.map((symbol) => ({ ...trade, symbol })),
    );
    await until(() => symbols.every((symbol) => listener.of(`ticker.${symbol}`).length === 1));
    expect(await btc.value('sluice_broadcaster_symbols')).toBe(1);
    expect(await eth.value('sluice_broadcaster_symbols')).toBe(1);
    for (const symbol of symbols) expect(listener.of(`trades.${symbol}`)).toHaveLength(1);
  });
});
