import { BusError, connectBus, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Listener, publishTrades, startReplica, type Replica } from './testing/harness.ts';
import type { Row } from './testing/recompute.ts';

const channel = 'candles.BTCUSDT.1s';
let nats: TestNats;
let bus: Bus;
let replica: Replica;
let listener: Listener;

beforeEach(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
  listener = new Listener(bus);
  replica = await startReplica(nats.url);
});

afterEach(async () => {
  await replica.stop();
  await bus.close(1_000);
  await nats.stop();
});

const trade = (id: number, ts: number): Row => ({
  symbol: 'BTCUSDT',
  id: String(id),
  ts,
  price: '2',
  size: '3',
  side: 'buy',
});

/** Lets publishes of the channel fail, without their reaching the stream, while `fails` holds for their number. */
function failing(fails: (n: number) => boolean): { tried: () => number } {
  const request = replica.bus.request.bind(replica.bus);
  let n = 0;
  vi.spyOn(replica.bus, 'request').mockImplementation(async (subject, payload, options) => {
    if (subject !== `live.in.${channel}` || !fails((n += 1))) return request(subject, payload, options);
    // A little later, as what times out: others that were sent after it are stored before.
    await new Promise((resolve) => setTimeout(resolve, 50));
    throw new BusError('timeout', 'no acknowledgement');
  });
  return { tried: () => n };
}

/** What clients see: start and number of trades of each event. */
const shown = (): string[] =>
  listener.of(channel).map(({ ts, trades }) => `${String(ts)}: ${String(trades)}`);

describe('the final state of a closed candle', () => {
  it('arrives when its publishing fails, and the newest candle after it', async () => {
    failing((n) => n === 1);
    await publishTrades(bus, [trade(1, 1_000), trade(2, 1_001), trade(3, 2_000)]);
    await until(() => shown().includes('1000: 2') && shown().at(-1) === '2000: 1');
  });

  it('arrives of every candle that closed meanwhile', async () => {
    const { tried } = failing((n) => n <= 4);
    const trades = [1, 2, 3, 4, 5].flatMap((second) => [
      trade(2 * second, second * 1_000),
      trade(2 * second + 1, second * 1_000 + 1),
    ]);
    await publishTrades(bus, trades);
    await until(() => [1, 2, 3, 4].every((second) => shown().includes(`${second}000: 2`)));
    await until(() => shown().at(-1) === '5000: 2');
    expect(tried()).toBeGreaterThan(4);
  });

  it('arrives where it was shown before it was final, and that failed', async () => {
    // What is shown of the first second is not known to be lost yet when two more have closed.
    failing((n) => n === 1);
    await publishTrades(bus, [trade(1, 1_000)]);
    await publishTrades(bus, [trade(2, 2_000), trade(3, 3_000)]);
    await until(() => ['1000: 1', '2000: 1'].every((candle) => shown().includes(candle)));
    await until(() => shown().at(-1) === '3000: 1');
  });
});
