import { marketStream, marketStreamName } from '@sluice/market';
import { connectBus, ensureStream, openBucket, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Listener, publishTrades, startReplica, type Replica } from './testing/harness.ts';
import type { Row } from './testing/recompute.ts';

const hourMs = 3_600_000;
const noon = Date.UTC(2026, 0, 2, 12);

let nats: TestNats;
let bus: Bus;
let replica: Replica;

beforeEach(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
});
afterEach(async () => {
  await replica.stop();
  await bus.close(1_000);
  await nats.stop();
});

/** Trades of these ids, a minute apart from the given hour of the day on. */
function trades(symbol: string, hour: number, ids: readonly number[]): Row[] {
  return ids.map((id) => {
    const ts = noon + hour * hourMs + id * 60_000;
    return { ts, symbol, id: String(id), price: '100', size: '1', side: 'buy' };
  });
}

const deleteStream = (name: string) =>
  bus.request(`$JS.API.STREAM.DELETE.${name}`, '', { deadline: Date.now() + 5_000 });

/** Keys of the checkpoint. */
async function stored(): Promise<string[]> {
  const bucket = await openBucket(bus, { name: 'live_state' });
  return (await bucket.entries()).map(({ key }) => key).toSorted();
}

it('a checkpoint that was lost is made again whole, quiet markets and hours included', async () => {
  replica = await startReplica(nats.url, { checkpointMs: 100 });
  await publishTrades(bus, [...trades('BTCUSDT', 0, [1]), ...trades('BTCUSDT', 1, [2])]);
  await publishTrades(bus, trades('ETHUSDT', 1, [3]));
  await until(async () => (await stored()).length === 6, { timeoutMs: 20_000 });
  const before = await stored();
  await deleteStream('KV_live_state');
  await publishTrades(bus, trades('ETHUSDT', 1, [4]));
  await until(async () => (await stored()).length === 6, { timeoutMs: 20_000 });
  expect(await stored()).toEqual(before);
});

it('a market that was quiet when the market stream was lost is broadcast after the next takeover', async () => {
  const listener = new Listener(bus);
  replica = await startReplica(nats.url, { checkpointMs: 60_000 });
  await publishTrades(bus, trades('BTCUSDT', 0, [1, 2, 3, 4]));
  await until(() => listener.of('trades.BTCUSDT').length === 4, { timeoutMs: 20_000 });
  await replica.stop();
  await deleteStream(marketStreamName);
  await ensureStream(bus, marketStream(1, 1024 ** 3));

  replica = await startReplica(nats.url, { checkpointMs: 60_000 });
  await publishTrades(bus, trades('ETHUSDT', 0, [1]));
  await until(() => listener.of('trades.ETHUSDT').length === 1, { timeoutMs: 20_000 });
  await replica.stop();

  replica = await startReplica(nats.url, { checkpointMs: 60_000 });
  await publishTrades(bus, trades('BTCUSDT', 0, [5]));
  await until(() => listener.of('trades.BTCUSDT').length === 5, { timeoutMs: 20_000 });
  expect(listener.of('trades.BTCUSDT').at(-1)?.['id']).toBe('5');
  // The hour counts on, too.
  await until(() => listener.newest('ticker.BTCUSDT')?.['trades'] === 5, { timeoutMs: 20_000 });
});
