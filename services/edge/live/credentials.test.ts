import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import type { GatewayInput } from '@sluice/policy';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import type { ClientOptions } from 'ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GatewayCall } from '../live-port.ts';
import { LiveClient } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';

const document: GatewayInput = {
  channels: [
    { match: 'open.>', auth: 'public' },
    { match: 'user.{subject}.>', auth: ['jwt', 'session'] },
    { match: 'desk.>', auth: ['jwt', 'key'], roles: ['trader'] },
  ],
};

let nats: TestNats;
let bus: Bus;
let edge: LiveEdge;
const calls: GatewayCall[] = [];

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
  calls.length = 0;
  edge = await startLiveEdge(
    nats.url,
    {},
    (call) => {
      calls.push(call);
      return Promise.resolve({ status: 204, headers: [], body: new Uint8Array(0) });
    },
    document,
  );
  edge.authenticator.add('alice', {});
  edge.authenticator.add('trader', { identity: { roles: ['trader'] } });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await edge[Symbol.asyncDispose]();
  expect(edge.authenticator.watchers).toBe(0);
});

const connect = (options: ClientOptions & { query?: string } = {}): Promise<LiveClient> => {
  const { query, ...rest } = options;
  return LiveClient.connect(query === undefined ? edge.url : `${edge.url}?${query}`, rest);
};
const as = (token: string): Promise<LiveClient> => connect({ headers: { authorization: `Bearer ${token}` } });

async function publish(channel: string): Promise<void> {
  await publishStored(bus, `live.in.${channel}`, '{"n":1}', { deadline: Date.now() + 10_000 });
}

/** Whether the client may subscribe, as it is told. */
async function may(client: LiveClient, channel: string): Promise<true | string> {
  const { ok, error } = await client.op('subscribe', { channels: [channel] });
  if (ok !== true) return error?.code ?? '';
  await client.op('unsubscribe', { channels: [channel] });
  return true;
}

describe('a client without credentials', () => {
  it('reads public channels, and is told of each other one why not', async () => {
    const client = await connect();
    await client.subscribe('open.a');
    expect(await client.op('subscribe', { channels: ['open.b', 'user.alice.x', 'none.such'] })).toEqual({
      id: 2,
      ok: false,
      error: {
        code: 'unauthorized',
        detail: 'Not without credentials: user.alice.x.',
        channels: { 'user.alice.x': 'unauthorized', 'none.such': 'forbidden' },
      },
    });
    expect(await may(client, 'open.b')).toBe(true);
    await publish('open.a');
    await until(() => client.updates.length === 1);
    expect(edge.authenticator.asked).toEqual([]);
  });
});

describe('credentials of the handshake', () => {
  it.each([
    ['authorization', { authorization: 'Bearer alice' }],
    ['x-api-key', { 'x-api-key': 'alice' }],
  ])('count when they come as %s', async (_name, headers) => {
    const client = await connect({ headers });
    await client.subscribe('user.alice.x');
    await publish('user.alice.x');
    await until(() => client.updates.length === 1);
    expect(await may(client, 'user.bob.x')).toBe('forbidden');
    expect(await may(client, 'desk.x')).toBe('forbidden');
  });

  it('that are wrong end it with 401', async () => {
    await expect(as('nobody')).rejects.toThrow('status 401');
    expect(edge.live.connections).toBe(0);
  });

  it('may take their time', async () => {
    const gate = Promise.withResolvers<void>();
    edge.authenticator.gate = gate.promise;
    const coming = as('alice');
    const refused = expect(as('nobody')).rejects.toThrow('status 401');
    await until(() => edge.authenticator.asked.length === 2);
    gate.resolve();
    expect(await may(await coming, 'user.alice.x')).toBe(true);
    await refused;
  });

  it('are forgotten when the client leaves before they are checked', async () => {
    edge.apply({ ...document, live: { connections_per_address: 1 } });
    const gate = Promise.withResolvers<void>();
    edge.authenticator.gate = gate.promise;
    const { WebSocket } = await import('ws');
    const leaving = new WebSocket(edge.url.replace('http', 'ws'), {
      headers: { authorization: 'Bearer alice' },
    });
    leaving.on('error', () => {});
    await until(() => edge.authenticator.asked.length === 1);
    leaving.terminate();
    edge.authenticator.gate = null;
    await expect(connect()).rejects.toThrow('status 429');
    gate.resolve();
    await until(() => connect().catch(() => undefined));
  });

  it.each([
    ['without an origin', {}, 'unauthorized'],
    ['from another page', { origin: 'https://evil.test' }, 'unauthorized'],
    ['from the page that it belongs to', { origin: 'https://app.test' }, true],
  ])('as a cookie %s: %s', async (_name, headers, expected) => {
    const client = await connect({ headers: { cookie: 'session=alice', ...headers } });
    expect(await may(client, 'user.alice.x')).toBe(expected);
    expect(await may(client, 'open.a')).toBe(true);
  });

  it('as a cookie that has ended leave the public channels', async () => {
    const client = await connect({ headers: { cookie: 'session=old', origin: 'https://app.test' } });
    expect(await may(client, 'open.a')).toBe(true);
    expect(await may(client, 'user.old.x')).toBe('unauthorized');
  });

  it('in the query count only where the document names the parameter, and no log holds them', async () => {
    const ignored = await connect({ query: 'ticket=alice' });
    expect(await may(ignored, 'user.alice.x')).toBe('unauthorized');
    edge.apply({ ...document, live: { query_token: 'ticket' } });
    const client = await connect({ query: 'ticket=alice' });
    expect(await may(client, 'user.alice.x')).toBe(true);
    await expect(connect({ query: 'ticket=alice&ticket=trader' })).rejects.toThrow('status 400');
    await expect(connect({ query: 'ticket=stranger' })).rejects.toThrow('status 401');
    const events = await fetch(`${edge.url}?channels=user.alice.x,none.x&ticket=alice`);
    expect([events.status, await events.text()]).toEqual([403, expect.not.stringContaining('ticket')]);
    await client.close();
    await until(() => edge.logs.length > 1);
    expect(edge.logs.join('')).not.toMatch(/ticket|stranger/);
  });
});

describe('credentials in a message', () => {
  it('open private channels, also to what was sent right after them', async () => {
    const client = await connect();
    expect(await may(client, 'user.alice.x')).toBe('unauthorized');
    const gate = Promise.withResolvers<void>();
    edge.authenticator.gate = gate.promise;
    const answers = [
      client.op('auth', { token: 'alice' }),
      client.op('subscribe', { channels: ['user.alice.x'] }),
      client.op('call', { path: '/v1/me' }),
    ];
    await until(() => edge.authenticator.asked.length === 1);
    gate.resolve();
    expect(await Promise.all(answers)).toMatchObject([
      { ok: true, caller: { subject: 'alice', method: 'jwt', expires: null } },
      { ok: true },
      { status: 204 },
    ]);
    expect(calls.map(({ caller }) => caller?.identity.subject)).toEqual(['alice']);
  });

  it.each(['nobody', 'a b', '', 'x'.repeat(20_000), '☃'])(
    'that are none leave the client what it was: %.10j',
    async (token) => {
      const client = await connect();
      const { ok, error } = await client.op('auth', { token });
      expect([ok, error?.code]).toEqual([false, token === 'nobody' ? 'unauthorized' : 'bad_request']);
      if (token.length > 3) expect(JSON.stringify(client.answers)).not.toContain(token);
      expect(await may(client, 'user.nobody.x')).toBe('unauthorized');
      expect(await may(client, 'open.a')).toBe(true);
    },
  );

  it('cannot make a connection somebody else’s', async () => {
    edge.authenticator.add('alice-elsewhere', { source: 'other', identity: { subject: 'alice' } });
    const client = await as('alice');
    for (const token of ['trader', 'alice-elsewhere'])
      expect(await client.op('auth', { token })).toMatchObject({
        ok: false,
        error: { code: 'forbidden', detail: 'A connection stays with the subject it began with.' },
      });
    expect(await may(client, 'user.alice.x')).toBe(true);
    expect(await may(client, 'desk.x')).toBe('forbidden');
  });

  it('that give less end what they do not give', async () => {
    edge.authenticator.add('less', { identity: { subject: 'trader' } });
    const client = await as('trader');
    await client.subscribe('desk.a', 'user.trader.x');
    expect(await client.op('auth', { token: 'less' })).toMatchObject({ ok: true });
    await until(() => client.events.length === 1);
    expect(client.events).toEqual([{ event: 'unsubscribed', channels: { 'desk.a': 'forbidden' } }]);
    await publish('desk.a');
    await publish('user.trader.x');
    await until(() => client.updates.length === 1);
    expect(client.updates.map(({ channel }) => channel)).toEqual(['user.trader.x']);
    expect(await edge.metric('sluice_live_withdrawn_total')).toBe(1);
  });

  it('may not be sent without end', async () => {
    const client = await connect();
    const gate = Promise.withResolvers<void>();
    edge.authenticator.gate = gate.promise;
    const answers = Array.from({ length: 8 }, () => client.op('auth', { token: 'alice' }));
    await until(() => client.answers.length === 4);
    gate.resolve();
    const codes = (await Promise.all(answers)).map(({ error }) => error?.code ?? 'ok');
    expect(codes.toSorted()).toEqual([...Array(4).fill('ok'), ...Array(4).fill('too_many_requests')]);
  });
});

describe('the end of credentials', () => {
  it.each([
    ['expired', { code: 4401, reason: 'the credential has expired: connect again with a new one' }],
    ['revoked', { code: 4410, reason: 'the credential is no longer accepted' }],
  ] as const)('closes the connection: %s', async (why, closed) => {
    const client = await as('alice');
    const stranger = await connect();
    await client.subscribe('open.a');
    edge.authenticator.end('alice', why);
    await until(() => client.closed);
    expect(client.closed).toEqual(closed);
    expect(await stranger.op('ping')).toMatchObject({ ok: true });
    expect(edge.logs.some((line) => line.includes(`"reason":"${why}"`))).toBe(true);
  });

  it('is announced, and a new credential keeps the connection', async () => {
    const soon = Date.now() + 800;
    edge.authenticator.add('short', { identity: { subject: 'alice' }, expiresAt: soon });
    const later = Date.now() + 3_600_000;
    edge.authenticator.add('long', { identity: { subject: 'alice' }, expiresAt: later });
    const client = await as('short');
    await client.subscribe('user.alice.x');
    await until(() => client.events.some(({ event }) => event === 'expiring'));
    const [warning] = client.events as { event: string; in_ms?: number }[];
    expect(warning?.in_ms).toBeGreaterThanOrEqual(0);
    expect(warning?.in_ms).toBeLessThanOrEqual(800);
    expect(await client.op('auth', { token: 'long' })).toEqual({
      id: 2,
      ok: true,
      caller: { subject: 'alice', method: 'jwt', expires: later },
    });
    edge.authenticator.end('short', 'expired');
    await publish('user.alice.x');
    await until(() => client.updates.length === 1);
    expect(client.closed).toBeUndefined();
    edge.authenticator.end('long', 'revoked');
    await until(() => client.closed);
    expect(client.closed?.code).toBe(4410);
  });

  it('ends an event stream with the reason', async () => {
    const response = await fetch(`${edge.url}?channels=user.alice.x,open.a`, {
      headers: { authorization: 'Bearer alice' },
    });
    expect(response.status).toBe(200);
    await until(async () => (await edge.metric('sluice_live_subscriptions')) === 2);
    edge.authenticator.end('alice', 'revoked');
    expect((await response.text()).trimEnd().split('\n').slice(-2)).toEqual([
      'event: end',
      'data: {"reason":"revoked","detail":"the credential is no longer accepted"}',
    ]);
  });
});

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
    edge.apply(document);
    await until(() => client.events.length === 1);
    expect(client.events).toEqual([{ event: 'unsubscribed', channels: { 'desk.a': 'forbidden' } }]);
    edge.authenticator.change(less, null);
    edge.apply(document);
    await until(() => client.closed);
    expect(client.closed?.code).toBe(4410);
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
    edge.apply({ ...document, live: { connections_per_consumer: 2 } });
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

  it('bound addresses, channels and messages in the place of the settings', async () => {
    edge.apply({ ...document, live: { connections_per_address: 1, channels: 2, messages_per_second: 3 } });
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
    edge.apply({ ...document, live: { messages_per_second: 1 } });
    // The sweep has been there when this address is closed.
    const witness = await connect({ headers: { 'user-agent': 'witness' } });
    edge.refuse('witness');
    await until(() => witness.closed);
    for (let i = 0; i < 200; i++) client.send({ id: i, op: 'ping' });
    await until(() => client.closed);
    expect(client.closed?.code).toBe(4429);
  });
});

describe('calls over the connection', () => {
  it('carry who it belongs to, and no credential that could be taken for another', async () => {
    const client = await connect({
      headers: { cookie: 'session=alice', origin: 'https://app.test', 'x-kept': '1' },
    });
    await client.op('call', { path: '/v1/a' });
    await client.op('call', { path: '/v1/b', headers: { 'X-API-Key': 'mine' } });
    expect(calls.map(({ caller }) => caller?.identity.subject)).toEqual(['alice', 'alice']);
    const names = (call: GatewayCall | undefined): string[] =>
      (call?.headers ?? []).filter((_, i) => i % 2 === 0).toSorted();
    expect(names(calls[0])).toEqual(['host', 'x-kept']);
    expect(names(calls[1])).toEqual(['host', 'x-api-key', 'x-kept']);
    for (const name of ['Cookie', 'Origin', 'Sec-Fetch-Site', 'Proxy-Authorization'])
      expect(await client.op('call', { path: '/v1/c', headers: { [name]: 'x' } })).toMatchObject({
        error: { code: 'bad_request' },
      });
    const stranger = await connect({ headers: { cookie: 'session=alice', origin: 'https://evil.test' } });
    await stranger.op('call', { path: '/v1/d' });
    expect(calls.at(-1)).toMatchObject({ caller: null });
    expect(names(calls.at(-1))).toEqual(['host']);
  });
});

describe('event streams', () => {
  it('take the credentials of their request, and refuse with what is asked for', async () => {
    const open = (headers: Record<string, string>, channels = 'user.alice.x') =>
      fetch(`${edge.url}?channels=${channels}`, { headers });
    const refused = await open({});
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="test"');
    expect(await refused.json()).toMatchObject({
      code: 'unauthorized',
      detail: 'Not without credentials: user.alice.x.',
    });
    const forbidden = await open({ authorization: 'Bearer trader' });
    expect([forbidden.status, forbidden.headers.get('www-authenticate')]).toEqual([403, null]);
    const taken = await open({ 'x-api-key': 'alice' });
    expect(taken.status).toBe(200);
    await taken.body?.cancel();
    expect((await open({ authorization: 'Bearer nobody' }, 'open.a')).status).toBe(401);
  });
});
