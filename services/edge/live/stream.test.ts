import { liveStream } from '@sluice/live';
import { ensureStream, publishStored, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numbers } from './testing/channel.ts';
import { LiveClient, standingsOf } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';

let nats: TestNats;
let edge: LiveEdge;
let bus: Bus;

beforeAll(async () => {
  nats = await startNatsServer();
  edge = await startLiveEdge(nats.url, { liveHistory: 100 });
  bus = edge.bus;
  await ensureStream(bus, liveStream(1, 100));
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await nats.stop();
});

async function publish(channel: string, data: unknown): Promise<number> {
  const { seq } = await publishStored(bus, `live.in.${channel}`, JSON.stringify(data), {
    deadline: Date.now() + 5_000,
  });
  return seq;
}

describe('subscribing', () => {
  it('gives the newest event as snapshot, then updates that join on to it', async () => {
    await publish('a.one', { n: 1 });
    const seq = await publish('a.one', { n: 2 });
    const client = await LiveClient.connect(edge.url);
    const standing = (await client.subscribe('a.one'))['a.one'];
    expect(standing).toMatchObject({ seq, data: { n: 2 } });
    expect(standing?.recovered).toBeUndefined();
    await publish('a.one', { n: 3 });
    await publish('a.one', { n: 4 });
    await until(() => client.updates.length === 2);
    expect(numbers(client.updates, seq)).toEqual([3, 4]);
    await client.close();
  });

  it('begins a channel without events at sequence 0', async () => {
    const client = await LiveClient.connect(edge.url);
    const standing = (await client.subscribe('a.empty'))['a.empty'];
    expect(standing).toEqual({ epoch: expect.any(String), seq: 0 });
    await publish('a.empty', { n: 1 });
    await until(() => client.updates.length === 1);
    expect(client.updates[0]).toMatchObject({ prev: 0, data: { n: 1 } });
    await client.close();
  });

  it('gives history as updates before the answer', async () => {
    for (let n = 1; n <= 5; n++) await publish('a.history', { n });
    const client = await LiveClient.connect(edge.url);
    const answer = await client.op('subscribe', { channels: ['a.history'], history: 3 });
    expect(numbers(client.updates)).toEqual([3, 4, 5]);
    const standing = standingsOf(answer)['a.history'];
    expect(standing?.seq).toBe(client.updates.at(-1)?.seq);
    expect(standing).not.toHaveProperty('data');
    await client.close();
  });

  it('ends with unsubscribe', async () => {
    const client = await LiveClient.connect(edge.url);
    await client.subscribe('a.gone', 'a.stays');
    expect(await client.op('unsubscribe', { channels: ['a.gone', 'a.never'] })).toMatchObject({ ok: true });
    await publish('a.gone', { n: 1 });
    await publish('a.stays', { n: 2 });
    await until(() => client.updates.length > 0);
    expect(client.updates.map(({ channel }) => channel)).toEqual(['a.stays']);
    await client.close();
  });

  it('takes all channels of a subscribe or none', async () => {
    const client = await LiveClient.connect(edge.url);
    const answer = await client.op('subscribe', { channels: ['a.fine', 'trades.lower'] });
    expect(answer).toMatchObject({ ok: false, error: { code: 'not_found' } });
    await publish('a.fine', { n: 1 });
    expect(await client.op('subscribe', { channels: ['a.fine'] })).toMatchObject({ ok: true });
    expect(client.updates).toEqual([]);
    expect(await client.op('subscribe', { channels: ['a.fine'] })).toMatchObject({
      ok: false,
      error: { code: 'conflict' },
    });
    expect(await client.op('subscribe', { channels: ['a.*'] })).toMatchObject({
      error: { code: 'conflict' },
    });
    await client.close();
  });
});

describe('wildcards', () => {
  it('follow every channel that matches, also those that begin later', async () => {
    const x = await publish('w.x.price', { n: 1 });
    const y = await publish('w.y.price', { n: 2 });
    await publish('w.x.size', { n: 3 });
    const client = await LiveClient.connect(edge.url);
    const standing = (await client.subscribe('w.*.price'))['w.*.price'];
    expect(standing).toMatchObject({
      seq: y,
      snapshot: { 'w.x.price': { seq: x, data: { n: 1 } }, 'w.y.price': { seq: y, data: { n: 2 } } },
    });
    await publish('w.y.price', { n: 4 });
    await publish('w.z.price', { n: 5 });
    await publish('w.z.price', { n: 6 });
    await until(() => client.updates.length === 3);
    expect(numbers(client.of('w.y.price'), y)).toEqual([4]);
    expect(numbers(client.of('w.z.price'), 0)).toEqual([5, 6]);
    await client.close();
  });

  it('are refused where they match more channels than a snapshot may have', async () => {
    await Promise.all(Array.from({ length: 1_001 }, (_, n) => publish(`many.${n}`, { n })));
    const client = await LiveClient.connect(edge.url);
    expect(await client.op('subscribe', { channels: ['many.*'] })).toMatchObject({
      ok: false,
      error: { code: 'unprocessable' },
    });
    await client.close();
  });

  it('resume too', async () => {
    const first = await LiveClient.connect(edge.url);
    const standing = (await first.subscribe('v.>'))['v.>'];
    await publish('v.a', { n: 1 });
    await publish('v.b', { n: 2 });
    await until(() => first.updates.length === 2);
    const seq = first.updates.at(-1)?.seq ?? 0;
    await first.close();
    await publish('v.a', { n: 3 });
    await publish('v.b', { n: 4 });
    await publish('v.c', { n: 5 });
    const second = await LiveClient.connect(edge.url);
    const resumed = await second.resume('v.>', { epoch: standing?.epoch ?? '', seq });
    expect(resumed.recovered).toBe(true);
    await until(() => second.updates.length === 3);
    expect(second.updates.map(({ data }) => data)).toEqual([{ n: 3 }, { n: 4 }, { n: 5 }]);
    await second.close();
  });
});

describe('resuming', () => {
  it('gives exactly what was missed, then goes on', async () => {
    const first = await LiveClient.connect(edge.url);
    const { epoch } = (await first.subscribe('r.one'))['r.one'] ?? { epoch: '' };
    const seq = await publish('r.one', { n: 1 });
    await until(() => first.updates.length === 1);
    await first.close();
    for (let n = 2; n <= 4; n++) await publish('r.one', { n });
    const second = await LiveClient.connect(edge.url);
    const standing = await second.resume('r.one', { epoch, seq });
    expect(standing.recovered).toBe(true);
    await publish('r.one', { n: 5 });
    await until(() => second.updates.length === 4);
    expect(numbers(second.updates, seq)).toEqual([2, 3, 4, 5]);
    expect([seq, ...second.updates.map((update) => update.seq)]).toContain(standing.seq);
    await second.close();
  });

  it('recovers from the very beginning while nothing was dropped', async () => {
    const client = await LiveClient.connect(edge.url);
    const { epoch } = (await client.subscribe('r.start'))['r.start'] ?? { epoch: '' };
    for (let n = 1; n <= 3; n++) await publish('r.start', { n });
    const other = await LiveClient.connect(edge.url);
    expect((await other.resume('r.start', { epoch, seq: 0 })).recovered).toBe(true);
    await until(() => other.updates.length === 3);
    expect(numbers(other.updates, 0)).toEqual([1, 2, 3]);
    await Promise.all([client.close(), other.close()]);
  });

  it.each([
    ['beyond history', async (epoch: string) => ({ epoch, seq: await publish('r.old', { n: 0 }) })],
    ['in another epoch', () => Promise.resolve({ epoch: 'other', seq: 1 })],
    ['from the future', (epoch: string) => Promise.resolve({ epoch, seq: 1_000_000_000 })],
  ])('%s says so and begins with a snapshot', async (_name, from) => {
    const probe = await LiveClient.connect(edge.url);
    const { epoch } = (await probe.subscribe('r.old'))['r.old'] ?? { epoch: '' };
    const position = await from(epoch);
    let seq = 0;
    for (let n = 1; n <= 105; n++) seq = await publish('r.old', { n });
    // What the edge has not received yet would follow as updates.
    await until(() => probe.updates.at(-1)?.seq === seq);
    const client = await LiveClient.connect(edge.url);
    expect(await client.resume('r.old', position)).toEqual({
      epoch,
      seq,
      recovered: false,
      data: { n: 105 },
    });
    expect(client.updates).toEqual([]);
    await Promise.all([client.close(), probe.close()]);
  });
});

describe('clients that go away at once', () => {
  it('leave nothing behind of what they asked for', { timeout: 30_000 }, async () => {
    await using other = await startLiveEdge(nats.url);
    const keeper = await LiveClient.connect(other.url);
    await keeper.subscribe('hot.a');
    for (let n = 1; n <= 20; n++) {
      const client = await LiveClient.connect(other.url);
      // The second waits for the first, and could then be done at once.
      client.send({ id: 1, op: 'subscribe', channels: [`cold.x${n}`] });
      client.send({ id: 2, op: 'subscribe', channels: ['hot.a'] });
      client.ws.terminate();
    }
    await keeper.close();
    await until(() => other.live.connections === 0);
    // Feeds are kept for some seconds for who may come back, and for ever for subscriptions.
    await until(async () => (await other.metric('sluice_live_feeds')) === 0, { timeoutMs: 20_000 });
    expect(await other.metric('sluice_live_subscriptions')).toBe(0);
  });
});
