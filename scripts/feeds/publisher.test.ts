import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { marketStream, marketStreamName, type Trade } from '@sluice/market';
import { connectBus, ensureStream, streamState, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { Publisher } from './publisher.ts';
import type { FileTrade } from './trades-file.ts';

let nats: TestNats;
let bus: Bus;
beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
});
afterAll(async () => {
  await bus.close();
  await nats.stop();
});

function trade(n: number): FileTrade {
  const made: Trade = { id: String(n), ts: n, price: '1', size: '1', side: 'buy' };
  return { venue: 'test', symbol: 'BTCUSDT', trade: made };
}

describe('the publisher of a feed', () => {
  it('waits for the stream, then for a server that restarts, and stores every trade once', async () => {
    const waiting: string[] = [];
    const signal = new AbortController().signal;
    const publisher = new Publisher(bus, {
      inFlight: 64,
      onWaiting: (reason) => waiting.push(reason),
      signal,
    });
    await publisher.publish(trade(0));
    await until(() => waiting.length > 0);
    await ensureStream(bus, marketStream(1, 64 * 1024 * 1024));
    await publisher.finish();
    expect(publisher.counts).toEqual({ stored: 1, duplicates: 0 });

    const total = 3_000;
    for (let n = 1; n <= total; n += 1) {
      if (n === 1_000) void nats.restart();
      await publisher.publish(trade(n));
    }
    await publisher.finish();
    // A trade whose acknowledgement was lost with the connection is sent again and recognised.
    const { stored, duplicates } = publisher.counts;
    expect(stored + duplicates).toBe(total + 1);
    expect((await streamState(bus, marketStreamName)).messages).toBe(total + 1);
  });

  it('counts what the stream has already', async () => {
    const signal = new AbortController().signal;
    const publisher = new Publisher(bus, { inFlight: 4, onWaiting: () => {}, signal });
    for (let n = 1; n <= 10; n += 1) await publisher.publish(trade(n));
    await publisher.finish();
    expect(publisher.counts).toEqual({ stored: 0, duplicates: 10 });
  });

  it('gives up what it could not deliver when it shall stop', async () => {
    const abort = new AbortController();
    const publisher = new Publisher(bus, {
      inFlight: 4,
      onWaiting: () => abort.abort(),
      signal: abort.signal,
    });
    await nats.kill();
    await publisher.publish(trade(99_999));
    await until(() => !bus.connected);
    abort.abort();
    await publisher.finish();
    expect(publisher.counts).toEqual({ stored: 0, duplicates: 0 });
    await nats.restart();
  });
});
