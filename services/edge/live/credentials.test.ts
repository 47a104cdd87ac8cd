import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { WebSocket } from 'ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GatewayCall } from '../live-port.ts';
import type { ConnectOptions, LiveClient } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';
import { addCallers, connectAs, connectTo, may, privateDocument } from './testing/private.ts';

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
    privateDocument,
  );
  addCallers(edge);
});

afterEach(async () => {
  await edge[Symbol.asyncDispose]();
  expect(edge.authenticator.watchers).toBe(0);
});

const connect = (options: ConnectOptions = {}, query = ''): Promise<LiveClient> =>
  connectTo(edge, options, query);
const as = (token: string): Promise<LiveClient> => connectAs(edge, token);

async function publish(channel: string): Promise<void> {
  await publishStored(bus, `live.in.${channel}`, '{"n":1}', { deadline: Date.now() + 10_000 });
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
    edge.apply({ ...privateDocument, live: { connections_per_address: 1 } });
    const gate = Promise.withResolvers<void>();
    edge.authenticator.gate = gate.promise;
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
    const ignored = await connect({}, 'ticket=alice');
    expect(await may(ignored, 'user.alice.x')).toBe('unauthorized');
    edge.apply({ ...privateDocument, live: { query_token: 'ticket' } });
    const client = await connect({}, 'ticket=alice');
    expect(await may(client, 'user.alice.x')).toBe(true);
    await expect(connect({}, 'ticket=alice&ticket=trader')).rejects.toThrow('status 400');
    await expect(connect({}, 'ticket=stranger')).rejects.toThrow('status 401');
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
