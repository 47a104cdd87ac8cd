import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConnectOptions, LiveClient } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';
import { addCallers, connectAs, connectTo, may, privateDocument } from './testing/private.ts';

let nats: TestNats;
let bus: Bus;
let edge: LiveEdge;

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'publisher' });
  await ensureStream(bus, liveStream(1));
});

afterAll(async () => {
  await bus.close(1_000);
  await nats.stop();
});

beforeEach(async () => {
  edge = await startLiveEdge(nats.url, {}, undefined, privateDocument);
  addCallers(edge);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await edge[Symbol.asyncDispose]();
  expect(edge.authenticator.watchers).toBe(0);
});

const connect = (options: ConnectOptions = {}, query = ''): Promise<LiveClient> =>
  connectTo(edge, options, query);
const as = (token: string): Promise<LiveClient> => connectAs(edge, token);

async function publish(channel: string): Promise<void> {
  await publishStored(bus, `live.in.${channel}`, '{"n":1}', { deadline: Date.now() + 10_000 });
}

describe('another document', () => {
  it('ends subscriptions that it does not allow, and lets through what it does', async () => {
    const stranger = await connect();
    const trader = await as('trader');
    await stranger.subscribe('open.a');
    await trader.subscribe('open.>', 'desk.a');
    const events = await fetch(`${edge.url}?channels=open.a,desk.a`, {
      headers: { authorization: 'Bearer trader' },
    });
    await until(async () => (await edge.metric('sluice_live_subscriptions')) === 5);
    edge.apply({
      channels: [
        { match: 'open.a', auth: ['jwt'] },
        { match: 'open.>', auth: 'public' },
      ],
    });
    await until(() => stranger.events.length === 1 && trader.events.length === 1);
    expect(stranger.events).toEqual([{ event: 'unsubscribed', channels: { 'open.a': 'unauthorized' } }]);
    expect(trader.events).toEqual([{ event: 'unsubscribed', channels: { 'desk.a': 'forbidden' } }]);
    expect(await may(stranger, 'open.b')).toBe(true);
    await publish('open.a');
    await until(() => trader.updates.length === 1);
    edge.apply({ channels: [{ match: 'desk.>', auth: ['key'] }] });
    expect(await events.text()).toMatch(
      /event: unsubscribed\ndata: \{"channels":\{"desk.a":"forbidden"\}\}\n\n[^]*event: unsubscribed\ndata: \{"channels":\{"open.a":"forbidden"\}\}\n\nevent: end\ndata: \{"reason":"withdrawn"/,
    );
    expect(stranger.updates).toEqual([]);
  });

  it('counts for a subscribe that is under way', async () => {
    const client = await connect();
    const gate = Promise.withResolvers<void>();
    const flush = edge.bus.flush.bind(edge.bus);
    const held = vi.spyOn(edge.bus, 'flush').mockImplementation(() => gate.promise.then(flush));
    const answer = client.op('subscribe', { channels: ['open.late'] });
    await until(() => held.mock.calls.length > 0);
    edge.apply({ channels: [] });
    gate.resolve();
    expect(await answer).toMatchObject({ ok: false, error: { channels: { 'open.late': 'forbidden' } } });
    expect(await edge.metric('sluice_live_subscriptions')).toBe(0);
  });

  it('and other consumers give other roles, or none at all', async () => {
    const caller = edge.authenticator.add('bob', { identity: { roles: ['trader'] } });
    const less = edge.authenticator.add('bob-now', { identity: { subject: 'bob' } });
    const client = await as('bob');
    await client.subscribe('desk.a');
    edge.authenticator.change(caller, less);
    edge.apply(privateDocument);
    await until(() => client.events.length === 1);
    expect(client.events).toEqual([{ event: 'unsubscribed', channels: { 'desk.a': 'forbidden' } }]);
    edge.authenticator.change(less, null);
    edge.apply(privateDocument);
    await until(() => client.closed);
    expect(client.closed?.code).toBe(4410);
  });

  it('and a caller that changes by itself loses and gains channels at once', async () => {
    const trader = edge.authenticator.add('bob', { identity: { roles: ['trader'] } });
    const less = edge.authenticator.add('bob-less', { identity: { subject: 'bob' } });
    const client = await as('bob');
    await client.subscribe('desk.a', 'user.bob.x');
    const events = await fetch(`${edge.url}?channels=desk.a`, { headers: { authorization: 'Bearer bob' } });
    await until(async () => (await edge.metric('sluice_live_subscriptions')) === 3);
    edge.authenticator.change(trader, less);
    await until(() => client.events.length === 1);
    expect(client.events).toEqual([{ event: 'unsubscribed', channels: { 'desk.a': 'forbidden' } }]);
    expect(await events.text()).toMatch(
      /event: unsubscribed\ndata: \{"channels":\{"desk.a":"forbidden"\}\}\n\nevent: end\ndata: \{"reason":"withdrawn"/,
    );
    expect(await may(client, 'desk.b')).toBe('forbidden');
    edge.authenticator.change(less, trader);
    await until(async () => (await may(client, 'desk.b')) === true);
    await publish('desk.a');
    await publish('user.bob.x');
    await until(() => client.updates.length === 1);
    expect(client.updates.map(({ channel }) => channel)).toEqual(['user.bob.x']);
  });

  it('tells a credential that is over from one that was taken back', async () => {
    const over = edge.authenticator.add('over', { expiresAt: Date.now() - 1 });
    const client = await as('over');
    edge.authenticator.change(over, null);
    edge.apply(privateDocument);
    await until(() => client.closed);
    expect(client.closed?.code).toBe(4401);
  });

  it('closes connections of addresses that are refused now', async () => {
    const headers = { 'user-agent': '192.0.2.9' };
    const refused = await connect({ headers });
    const other = await connect();
    const events = await fetch(`${edge.url}?channels=open.a`, { headers });
    edge.refuse('192.0.2.9');
    await until(() => refused.closed);
    expect(refused.closed).toEqual({ code: 4403, reason: 'this address may not be connected' });
    expect(await events.text()).toContain('event: end\ndata: {"reason":"refused"');
    expect(await other.op('ping')).toMatchObject({ ok: true });
  });

  it('is worked through whole, however many connections there are', async () => {
    const clients = await Promise.all(Array.from({ length: 120 }, () => connect()));
    await Promise.all(clients.map((client) => client.subscribe('open.a')));
    edge.apply({ channels: [] });
    edge.apply({ channels: [{ match: 'open.b', auth: 'public' }] });
    await until(() => clients.every(({ events }) => events.length === 1));
    expect(await edge.metric('sluice_live_subscriptions')).toBe(0);
  });
});

describe('limits of the document', () => {
  it('bound the connections of a consumer, whatever it connects from and however it says who it is', async () => {
    edge.apply({ ...privateDocument, live: { connections_per_consumer: 2 } });
    edge.authenticator.add('k1', {
      method: 'key',
      source: null,
      consumer: 'acme',
      identity: { subject: 'acme' },
    });
    edge.authenticator.add('k2', {
      method: 'key',
      source: null,
      consumer: 'acme',
      identity: { subject: 'acme' },
    });
    const first = await connect({ headers: { 'x-api-key': 'k1', 'user-agent': '10.0.0.1' } });
    const second = await connect();
    expect(await second.op('auth', { token: 'k2' })).toMatchObject({ ok: true });
    // Another key of the same consumer is no other connection.
    expect(await second.op('auth', { token: 'k1' })).toMatchObject({ ok: true });
    await expect(as('k2')).rejects.toThrow('status 429');
    const third = await connect();
    expect(await third.op('auth', { token: 'k1' })).toMatchObject({
      ok: false,
      error: { code: 'too_many_requests', retry_after: 10 },
    });
    await first.close();
    expect(await until(async () => (await third.op('auth', { token: 'k1' })).ok)).toBe(true);
    // Without a consumer it is the subject that counts.
    await Promise.all([as('alice'), as('alice')]);
    await expect(as('alice')).rejects.toThrow('status 429');
    await as('trader');
  });

  it('bound addresses, of IPv6 the network that one subscriber has', async () => {
    edge.apply({ ...privateDocument, live: { connections_per_address: 1 } });
    const from = (address: string) => connect({ headers: { 'user-agent': address } });
    await from('192.0.2.1');
    await from('192.0.2.2');
    await from('2001:db8:0:1::1');
    await expect(from('2001:db8:0:1:ffff::2')).rejects.toThrow('status 429');
    await from('2001:db8:0:2::1');
  });

  it('bound addresses, channels and messages in the place of the settings', async () => {
    edge.apply({
      ...privateDocument,
      live: { connections_per_address: 1, channels: 2, messages_per_second: 3 },
    });
    const client = await connect();
    await expect(connect()).rejects.toThrow('status 429');
    expect(await client.op('subscribe', { channels: ['open.a', 'open.b', 'open.c'] })).toMatchObject({
      error: { code: 'too_many_requests', detail: 'A connection may have 2 channels.' },
    });
    for (let i = 0; i < 200; i++) client.send({ id: i, op: 'ping' });
    await until(() => client.closed);
    expect(client.closed?.code).toBe(4429);
  });

  it('hold for connections that are open already', async () => {
    const client = await connect();
    edge.apply({ ...privateDocument, live: { messages_per_second: 1 } });
    // The sweep has been there when this address is closed.
    const witness = await connect({ headers: { 'user-agent': 'witness' } });
    edge.refuse('witness');
    await until(() => witness.closed);
    for (let i = 0; i < 200; i++) client.send({ id: i, op: 'ping' });
    await until(() => client.closed);
    expect(client.closed?.code).toBe(4429);
  });
});
