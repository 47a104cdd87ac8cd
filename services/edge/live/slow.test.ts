import { once } from 'node:events';
import { connect } from 'node:net';
import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { numbers, Pour, range } from './testing/channel.ts';
import { LiveClient } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';
import { SseClient } from './testing/sse-client.ts';

let nats: TestNats;
let edge: LiveEdge;
let bus: Bus;

beforeEach(async () => {
  nats = await startNatsServer();
  edge = await startLiveEdge(nats.url, { liveBudget: 512 * 1024 });
  bus = await connectBus({ servers: [nats.url], name: 'publisher' });
  await ensureStream(bus, liveStream(1));
});

afterEach(async () => {
  await edge[Symbol.asyncDispose]();
  await bus.close(1_000);
  await nats.stop();
});

/** Large events fill what the kernel takes for a client that does not read, and then what the process keeps for it. */
const padding = 'x'.repeat(20_000);

describe('a client that stops reading', { timeout: 60_000 }, () => {
  it('is cut off from a queued channel with a reason, while others see nothing of it', async () => {
    const pour = new Pour(bus, 'trades.BTCUSDT', padding);
    const healthy = await LiveClient.connect(edge.url);
    const slow = await LiveClient.connect(edge.url);
    await Promise.all([healthy, slow].map((client) => client.subscribe('trades.BTCUSDT')));
    slow.ws.pause();
    while ((await edge.metric('sluice_live_closed_total')) === 0) {
      await pour.more(10);
      expect(pour.n).toBeLessThan(5_000);
      await until(() => healthy.updates.length === pour.n);
    }
    expect(numbers(healthy.updates, 0)).toEqual(range(1, pour.n));
    slow.ws.resume();
    await until(() => slow.closed);
    expect(slow.closed).toEqual({
      code: 4408,
      reason: 'too slow: more was waiting than the byte budget allows',
    });
    // What it did get is without a gap, so it can resume from there.
    expect(numbers(slow.updates, 0)).toEqual(range(1, slow.updates.length));
    expect(slow.updates.length).toBeLessThan(pour.n);
    await healthy.close();
  });

  it('gets the newest state of a conflated channel, with a gap that it can see', async () => {
    const pour = new Pour(bus, 'ticker.BTCUSDT', padding);
    const other = new Pour(bus, 'ticker.ETHUSDT', padding);
    const healthy = await LiveClient.connect(edge.url);
    const slow = await LiveClient.connect(edge.url);
    await Promise.all([healthy, slow].map((client) => client.subscribe('ticker.*')));
    await other.more(1);
    await until(() => slow.updates.length === 1);
    slow.ws.pause();
    while ((await edge.metric('sluice_live_conflated_total')) < 100) {
      await pour.more(10);
      expect(pour.n).toBeLessThan(5_000);
      await until(() => healthy.of('ticker.BTCUSDT').length === pour.n);
    }
    await other.more(1);
    await until(() => healthy.of('ticker.ETHUSDT').length === 2);
    await other.more(1);
    await until(() => healthy.of('ticker.ETHUSDT').length === 3);
    expect(slow.closed).toBeUndefined();
    slow.ws.resume();
    const newest = (channel: string): unknown =>
      (slow.of(channel).at(-1)?.data as { n: number } | undefined)?.n;
    await until(() => newest('ticker.BTCUSDT') === pour.n && newest('ticker.ETHUSDT') === 3);
    const updates = slow.of('ticker.BTCUSDT');
    expect(updates.length).toBeLessThan(pour.n);
    const gaps = updates.filter(({ prev }, i) => i > 0 && prev !== updates[i - 1]?.seq);
    expect(gaps).toHaveLength(1);
    expect(numbers(healthy.of('ticker.BTCUSDT'), 0)).toEqual(range(1, pour.n));
    // It is as good as any other client again.
    for (let i = 0; i < 3; i++) {
      await pour.more(1);
      await until(() => newest('ticker.BTCUSDT') === pour.n);
    }
    expect(numbers(slow.of('ticker.BTCUSDT').slice(-4))).toEqual(range(pour.n - 3, pour.n));
    await Promise.all([healthy.close(), slow.close()]);
  });

  it('over server-sent events is cut off too, and resumes with its last id', async () => {
    const pour = new Pour(bus, 'trades.BTCUSDT', padding);
    await pour.more(1);
    const healthy = await LiveClient.connect(edge.url);
    await healthy.subscribe('trades.BTCUSDT');
    const slow = connect(edge.port, '127.0.0.1');
    slow.write('GET /v1/stream?channels=trades.BTCUSDT HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(async () => (await edge.metric('sluice_live_subscriptions')) === 2);
    slow.pause();
    while ((await edge.metric('sluice_live_closed_total')) === 0) {
      await pour.more(10);
      expect(pour.n).toBeLessThan(5_000);
      await until(() => healthy.updates.length === pour.n - 1);
    }
    expect(numbers(healthy.updates)).toEqual(range(2, pour.n));
    let text = '';
    slow.setEncoding('utf8').on('data', (part: string) => (text += part));
    slow.resume();
    await once(slow, 'close');
    const [, lastEventId, n] =
      [...text.matchAll(/^id: ?(.+)\n(?:.+\n)*data: ?.*"n":(\d+),.*\n\n/gm)].at(-1) ?? [];
    expect(Number(n)).toBeGreaterThan(1);
    const back = new SseClient(`${edge.url}?channels=trades.BTCUSDT`, lastEventId);
    await until(() => back.updates.at(-1)?.seq === pour.seq);
    expect(numbers(back.updates)).toEqual(range(Number(n) + 1, pour.n));
    expect(back.standings[0]?.['trades.BTCUSDT']).toMatchObject({ recovered: true });
    back.source.close();
    await healthy.close();
  });

  it('and is silent is dropped after two heartbeats', async () => {
    await using quick = await startLiveEdge(nats.url, { liveHeartbeatMs: 250 });
    const slow = await LiveClient.connect(quick.url);
    await slow.subscribe('ticker.BTCUSDT');
    slow.ws.pause();
    await until(() => quick.live.connections === 0);
    slow.ws.terminate();
  });
});
