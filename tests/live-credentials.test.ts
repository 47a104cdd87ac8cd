import { connectBus, openBucket, publishStored, type Bucket, type Bus } from '@sluice/nats';
import {
  applyDocument,
  consumerEntryKey,
  consumerSchema,
  consumersBucket,
  encodeConsumer,
  encodeKey,
  keyEntryKey,
  makeApiKey,
  revocationKey,
  revocationsBucket,
  type GatewayInput,
} from '@sluice/policy';
import {
  startProxy,
  startStack,
  startTokenIssuer,
  testAudience,
  until,
  type TestStack,
  type TokenIssuer,
} from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LiveClient } from '../services/edge/live/testing/client.ts';
import { may } from '../services/edge/live/testing/private.ts';

let issuer: TokenIssuer;
let stack: TestStack;
let bus: Bus;
let consumers: Bucket;
let revocations: Bucket;
let gateway: GatewayInput;

beforeAll(async () => {
  issuer = await startTokenIssuer('acme');
  gateway = {
    issuers: {
      acme: {
        issuer: issuer.issuer,
        audience: [testAudience],
        jwks: { url: issuer.jwksUrl },
        clock_tolerance: '0s',
        consumer_claim: 'azp',
      },
    },
    roles: { trader: {} },
    consumers: [{ id: 'desk', roles: ['trader'] }, { id: 'crowd' }],
    routes: [{ id: 'me', path: '/v1/me', subject: 'test.me', auth: ['key', 'jwt'] }],
    channels: [
      { match: 'open.>', auth: 'public' },
      { match: 'user.{subject}.>', auth: ['jwt'] },
      { match: 'client.{consumer}.*', auth: ['key'] },
      { match: 'desk.secret.>', auth: ['key'], roles: ['admin'] },
      { match: 'desk.>', auth: ['key'], roles: ['trader'] },
    ],
    live: { query_token: 'access_token', connections_per_consumer: 2, messages_per_second: 5 },
  };
  stack = await startStack({ services: ['router', 'edge'], document: gateway });
  bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  bus.subscribe('test.me', (message) => message.respond(JSON.stringify(message.header('Sluice-Subject'))));
  await bus.flush();
  consumers = await openBucket(bus, { name: consumersBucket });
  revocations = await openBucket(bus, { name: revocationsBucket, perKeyTtl: true });
  await until(async () => (await fetch(`${stack.gateway}/v1/me`)).status === 401, { timeoutMs: 30_000 });
});

afterAll(async () => {
  await bus?.close(1_000);
  await stack?.stop();
  await issuer?.[Symbol.asyncDispose]();
});

/** Long enough for a busy machine; what is waited for takes milliseconds. */
const patient = { timeoutMs: 30_000 };

const streamUrl = (query = ''): string => `${stack.gateway}/v1/stream${query}`;
const connect = (headers: Record<string, string> = {}, query = ''): Promise<LiveClient> =>
  LiveClient.connect(streamUrl(query), { headers });
const asUser = (sub: string, claims: Record<string, unknown> = {}): Promise<LiveClient> =>
  connect({ authorization: `Bearer ${issuer.token({ sub, ...claims })}` });

async function makeKey(consumer: string) {
  const { id, text, hash } = makeApiKey();
  const stored = { id, consumer, hash, name: 'test', created: Date.now(), expires: null, disabled: false };
  const save = (disabled: boolean) => consumers.put(keyEntryKey(id), encodeKey({ ...stored, disabled }));
  await save(false);
  return { id, text, disable: () => save(true) };
}

async function publish(channel: string): Promise<void> {
  await publishStored(bus, `live.in.${channel}`, '{"n":1}', { deadline: Date.now() + 20_000 });
}

describe('a private channel', () => {
  it('is read with an API key until the key is disabled', async () => {
    const key = await makeKey('desk');
    const stranger = await connect();
    expect(await may(stranger, 'desk.orders')).toBe('unauthorized');
    const client = await connect({ 'x-api-key': key.text });
    const events = await fetch(streamUrl('?channels=desk.orders'), {
      headers: { authorization: `Bearer ${key.text}` },
    });
    expect(events.status).toBe(200);
    await client.subscribe('desk.orders', 'client.desk.x');
    await publish('desk.orders');
    await until(() => client.updates.length === 1, patient);
    expect(await client.op('call', { path: '/v1/me' })).toMatchObject({ status: 200, body: 'desk' });
    expect(await stranger.op('call', { path: '/v1/me' })).toMatchObject({ status: 401 });

    await key.disable();
    await until(() => client.closed, patient);
    expect(client.closed).toEqual({ code: 4410, reason: 'the credential is no longer accepted' });
    expect(await events.text()).toMatch(/event: end\ndata: \{"reason":"revoked"/);
    await expect(connect({ 'x-api-key': key.text })).rejects.toThrow('status 401');
    expect(await stranger.op('auth', { token: key.text })).toMatchObject({ error: { code: 'unauthorized' } });
    await stranger.close();
  });

  it('is read with a token until it expires, or until its subject is revoked', async () => {
    const exp = Math.floor(Date.now() / 1_000) + 6;
    const [ending, renewing] = await Promise.all([asUser('42', { exp }), asUser('43', { exp })]);
    for (const [client, sub] of [[ending, '42'] as const, [renewing, '43'] as const])
      await client.subscribe(`user.${sub}.orders`);
    await until(() => renewing.events.some(({ event }) => event === 'expiring'), patient);
    const later = Math.floor(Date.now() / 1_000) + 3_600;
    expect(await renewing.op('auth', { token: issuer.token({ sub: '44', exp: later }) })).toMatchObject({
      error: { code: 'forbidden' },
    });
    expect(await renewing.op('auth', { token: issuer.token({ sub: '43', exp: later }) })).toMatchObject({
      ok: true,
      caller: { subject: '43', expires: later * 1_000 },
    });
    await until(() => ending.closed, patient);
    expect(ending.closed).toEqual({
      code: 4401,
      reason: 'the credential has expired: connect again with a new one',
    });
    // Its first token has ended as well, and it goes on.
    await publish('user.43.orders');
    await until(() => renewing.updates.length === 1, patient);

    const revoked = revocationKey({ kind: 'subject', source: 'acme', id: '43' });
    await revocations.put(revoked, JSON.stringify({ at: Date.now() + 1_000, until: null, reason: 'test' }));
    await until(() => renewing.closed, patient);
    expect(renewing.closed?.code).toBe(4410);
  });

  it('is read with an API key until the consumer has other roles, and again when it has them back', async () => {
    const save = (roles: string[]) =>
      consumers.put(consumerEntryKey('fund'), encodeConsumer(consumerSchema.parse({ id: 'fund', roles })));
    await save(['trader']);
    const key = await makeKey('fund');
    const client = await connect({ 'x-api-key': key.text });
    const events = await fetch(streamUrl('?channels=desk.orders'), { headers: { 'x-api-key': key.text } });
    expect(events.status).toBe(200);
    await client.subscribe('desk.orders', 'client.fund.x');
    await save([]);
    await until(() => client.events.length > 0, patient);
    expect(client.events).toEqual([{ event: 'unsubscribed', channels: { 'desk.orders': 'forbidden' } }]);
    expect(await events.text()).toMatch(/event: end\ndata: \{"reason":"withdrawn"/);
    expect(await may(client, 'desk.orders')).toBe('forbidden');
    await save(['trader']);
    await until(async () => (await may(client, 'desk.orders')) === true, patient);
    await publish('client.fund.x');
    await until(() => client.updates.length === 1, patient);
    await client.close();
  });

  it('of somebody else is refused, by whatever name', async () => {
    const client = await asUser('42');
    for (const name of [
      'user.43.orders',
      'user.*.orders',
      'user.*.>',
      'user.>',
      'client.42.x',
      'desk.orders',
    ])
      expect([name, await may(client, name)]).toEqual([name, 'forbidden']);
    expect(await may(client, 'user.42.>')).toBe(true);
    await client.close();
    for (const sub of ['*', '>', '42.x', 'x y', '43.>']) {
      const tricky = await asUser(sub);
      for (const name of ['user.42.orders', 'user.*.orders', 'user.>', 'user.43.>'])
        expect([sub, name, await may(tricky, name)]).toEqual([sub, name, 'forbidden']);
      await tricky.close();
    }
    const trader = await connect({ 'x-api-key': (await makeKey('desk')).text });
    expect(await may(trader, 'desk.eu.>')).toBe(true);
    for (const name of ['desk.>', 'desk.*.x', 'desk.secret.x'])
      expect(await may(trader, name)).toBe('forbidden');
    await trader.close();
  });
});

describe('while an edge has no way to NATS', () => {
  it('what is taken back ends its open connections as soon as there is a way again', async () => {
    await using way = await startProxy(stack.natsUrl);
    const edge = await stack.start('edge', { NATS_URL: `nats://127.0.0.1:${way.port}` });
    const ready = async () => (await fetch(`${edge.ops}/health/ready`)).status;
    const saveConsumer = (id: string, disabled: boolean) =>
      consumers.put(consumerEntryKey(id), encodeConsumer(consumerSchema.parse({ id, disabled })));
    await saveConsumer('club', false);
    const key = await makeKey('desk');
    const ofToken = issuer.token({ sub: '60', azp: 'club' });
    const asCaller = (headers: Record<string, string>) =>
      LiveClient.connect(`${edge.gateway}/v1/stream`, { headers });
    const clients = await Promise.all([
      asCaller({ 'x-api-key': key.text }),
      asCaller({ authorization: `Bearer ${ofToken}` }),
      asCaller({ authorization: `Bearer ${issuer.token({ sub: '61' })}` }),
    ]);
    const stays = await asCaller({ authorization: `Bearer ${issuer.token({ sub: '62' })}` });
    way.break();
    await until(async () => (await ready()) === 503, patient);
    await key.disable();
    await saveConsumer('club', true);
    const revoked = revocationKey({ kind: 'subject', source: 'acme', id: '61' });
    await revocations.put(revoked, JSON.stringify({ at: Date.now() + 1_000, until: null, reason: 'test' }));
    way.mend();
    await until(() => clients.every((client) => client.closed), patient);
    expect(clients.map(({ closed }) => closed?.code)).toEqual([4410, 4410, 4410]);
    const call = { headers: { authorization: `Bearer ${ofToken}` } };
    expect((await fetch(`${edge.gateway}/v1/me`, call)).status).toBe(401);
    expect(stays.closed).toBeUndefined();
    await stays.close();
    await edge.process.stop();
  });
});

describe('a token in the query', () => {
  it('counts by the name that the document gives, and is in no log', async () => {
    const token = issuer.token({ sub: '50' });
    const client = await connect({}, `?access_token=${token}`);
    expect(await may(client, 'user.50.x')).toBe(true);
    await client.close();
    const wrong = `${token}x`;
    await expect(connect({}, `?access_token=${wrong}`)).rejects.toThrow('status 401');
    const refused = await fetch(streamUrl(`?access_token=${token}&channels=user.51.x&other=1`));
    expect([refused.status, await refused.text()]).toEqual([400, expect.not.stringContaining(token)]);
    const events = await fetch(streamUrl(`?access_token=${token}&channels=user.50.x`));
    expect(events.status).toBe(200);
    await events.body?.cancel();
    const { process: edge } = stack.service('edge');
    await until(() => edge.logs.filter(({ subject }) => subject === '50').length >= 2, patient);
    const [, payload = '', signature = ''] = token.split('.');
    for (const service of stack.services) {
      const log = JSON.stringify(service.process.logs);
      for (const secret of [payload, signature, 'access_token', 'slk_']) expect(log).not.toContain(secret);
    }
  });
});

describe('the gateway document', () => {
  it('bounds the connections of a consumer and the messages of a connection', async () => {
    const { text } = await makeKey('crowd');
    const first = await connect({ 'x-api-key': text });
    const second = await connect();
    expect(await second.op('auth', { token: text })).toMatchObject({ ok: true });
    await expect(connect({ 'x-api-key': text })).rejects.toThrow('status 429');
    for (let i = 0; i < 500; i++) first.send({ id: i, op: 'ping' });
    await until(() => first.closed, patient);
    expect(first.closed?.code).toBe(4429);
    const third = await until(() => connect({ 'x-api-key': text }).catch(() => undefined), patient);
    await Promise.all([second.close(), third.close()]);
  });

  it('takes channels and roles away from connections that are open', async () => {
    const stranger = await connect();
    const trader = await connect({ 'x-api-key': (await makeKey('desk')).text });
    await stranger.subscribe('open.a');
    await trader.subscribe('desk.orders', 'client.desk.x');
    const changed: GatewayInput = {
      ...gateway,
      consumers: [{ id: 'desk' }, { id: 'crowd' }],
      channels: (gateway.channels ?? []).filter(({ match }) => match !== 'open.>'),
    };
    await applyDocument(bus, changed, { expectedRevision: null, author: 'test' });
    await until(() => stranger.events.length > 0 && trader.events.length > 0, patient);
    expect(stranger.events).toEqual([{ event: 'unsubscribed', channels: { 'open.a': 'forbidden' } }]);
    expect(trader.events).toEqual([{ event: 'unsubscribed', channels: { 'desk.orders': 'forbidden' } }]);
    await publish('client.desk.x');
    await until(() => trader.updates.length === 1, patient);
    await applyDocument(
      bus,
      { ...changed, addresses: { deny: ['127.0.0.0/8'] } },
      {
        expectedRevision: null,
        author: 'test',
      },
    );
    await until(() => stranger.closed !== undefined && trader.closed !== undefined, patient);
    expect([stranger.closed?.code, trader.closed?.code]).toEqual([4403, 4403]);
    await expect(connect()).rejects.toThrow('status 403');
  });
});
