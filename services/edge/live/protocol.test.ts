import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { GatewayCall, GatewayReply } from '../live-port.ts';
import { LiveClient } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';

let nats: TestNats;
let edge: LiveEdge;
let bus: Bus;
const calls: GatewayCall[] = [];
let answer: (call: GatewayCall) => Promise<GatewayReply>;

const reply = (body: string | Uint8Array, type = 'application/json', status = 200): GatewayReply => ({
  status,
  headers: ['content-type', type, 'x-twice', 'a', 'x-twice', 'b'],
  body: Buffer.from(body),
});

beforeAll(async () => {
  nats = await startNatsServer();
  edge = await startLiveEdge(
    nats.url,
    {
      liveChannels: 5,
      liveConnectionsPerAddress: 3,
      liveMessageRate: 20,
      liveMaxMessage: 4_096,
      liveCallsInFlight: 2,
    },
    (call) => {
      calls.push(call);
      return answer(call);
    },
  );
  bus = await connectBus({ servers: [nats.url], name: 'publisher' });
  await ensureStream(bus, liveStream(1));
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await bus.close(1_000);
  await nats.stop();
});

let addresses = 0;
let clients: LiveClient[] = [];

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
  await until(() => edge.live.connections === 0);
});

/** A client with an address of its own, so that limits of one test are not another's. */
async function connect(protocol?: string, address = `10.0.0.${(addresses += 1)}`): Promise<LiveClient> {
  const headers = { 'user-agent': address };
  const client = await LiveClient.connect(
    edge.url,
    protocol === undefined ? { headers } : { protocol, headers },
  );
  clients.push(client);
  return client;
}

async function publish(channel: string, data: string | Uint8Array): Promise<void> {
  await publishStored(bus, `live.in.${channel}`, data, { deadline: Date.now() + 5_000 });
}

describe('messages', () => {
  it.each([
    ['no JSON', '{"op"', null, 'JSON'],
    ['no object', '[1]', null, 'object'],
    ['no op', '{"id":7}', 7, 'op: expected one of'],
    ['an unknown op', '{"id":8,"op":"shout"}', 8, 'op: expected one of'],
    ['no id', '{"op":"ping"}', null, 'id'],
    ['an id that would be rounded', '{"id":9007199254740993,"op":"ping"}', null, 'id: expected an integer'],
    ['an id one too large', '{"id":9007199254740992,"op":"ping"}', null, 'id: expected an integer'],
    ['an id too far below zero', '{"id":-9007199254740992,"op":"ping"}', null, 'id: expected an integer'],
    ['an id with too many digits', '{"id":1.0000000000000001,"op":"ping"}', null, 'id: expected an integer'],
    ['an id that is no integer', '{"id":1.5,"op":"ping"}', null, 'id: expected an integer'],
    [
      'a position that would be rounded',
      '{"id":4,"op":"subscribe","channels":["a.b"],"resume":{"a.b":{"epoch":"e","seq":1.0000000000000001}}}',
      4,
      'seq',
    ],
    ['no channels', '{"id":"x","op":"subscribe","channels":[]}', 'x', 'channels'],
    ['a channel that is none', '{"id":9,"op":"subscribe","channels":["BTCUSDT"]}', 9, 'channels.0'],
    ['a pattern without a namespace', '{"id":9,"op":"subscribe","channels":["*.BTCUSDT"]}', 9, 'channels.0'],
    [
      'a bad position',
      '{"id":"r","op":"subscribe","channels":["a.b"],"resume":{"a.b":{"epoch":"e","seq":-1}}}',
      'r',
      'seq',
    ],
    ['history of a pattern', '{"id":"h","op":"subscribe","channels":["a.*"],"history":5}', 'h', 'history'],
  ])('%s is answered with what is wrong', async (_name, text, id, detail) => {
    const client = await connect();
    client.ws.send(text);
    await until(() => client.answers.length === 1);
    expect(client.answers[0]).toMatchObject({ id, ok: false, error: { code: 'bad_request' } });
    const said = client.answers[0]?.error?.detail ?? '';
    expect(said).toContain(detail);
    expect(said).not.toMatch(/(\w+): \1: /);
    expect(await client.op('ping')).toMatchObject({ ok: true });
  });

  it('ids come back as they were sent, up to the largest', async () => {
    const client = await connect();
    for (const id of ['9007199254740991', '-9007199254740991', '0', '"9007199254740993"'])
      client.ws.send(`{"id":${id},"op":"ping"}`);
    await until(() => client.answers.length === 4);
    expect(client.answers.map((answer) => JSON.stringify(answer.id))).toEqual([
      '9007199254740991',
      '-9007199254740991',
      '0',
      '"9007199254740993"',
    ]);
  });

  it('an id in msgpack that is beyond 2^53 is refused', async () => {
    const client = await connect('sluice.msgpack');
    client.send({ id: 9_007_199_254_740_993n, op: 'ping' });
    await until(() => client.answers.length === 1);
    expect(client.answers[0]).toMatchObject({ id: null, ok: false, error: { code: 'bad_request' } });
    expect(await client.op('ping')).toMatchObject({ ok: true });
  });

  it('a binary frame on a JSON connection is refused, and the connection lives on', async () => {
    const client = await connect();
    client.ws.send(Buffer.from('{"id":1,"op":"ping"}'));
    await until(() => client.answers.length === 1);
    expect(client.answers[0]).toMatchObject({ ok: false, error: { code: 'bad_request' } });
    expect(await client.op('ping')).toMatchObject({ ok: true });
  });

  it('a message may come in fragments', async () => {
    const client = await connect();
    client.ws.send('{"id":"frag",', { fin: false });
    client.ws.send('"op":"ping"}', { fin: true });
    await until(() => client.answers.length === 1);
    expect(client.answers[0]).toEqual({ id: 'frag', ok: true });
  });

  it('one that is too large closes with 1009', async () => {
    const client = await connect();
    client.ws.send('x'.repeat(5_000));
    await until(() => client.closed);
    expect(client.closed?.code).toBe(1009);
  });

  it('text that is not UTF-8 closes with 1007', async () => {
    const client = await connect();
    client.ws.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false });
    await until(() => client.closed);
    expect(client.closed?.code).toBe(1007);
  });

  it('nothing but refusals closes with 4400', async () => {
    const client = await connect();
    for (let i = 0; i < 30; i++) client.ws.send('nonsense');
    await until(() => client.closed);
    expect(client.closed).toEqual({ code: 4400, reason: 'too many messages were refused' });
    expect(client.answers.length).toBeGreaterThan(19);
  });

  it('a flood is closed with a reason; pings count too', async () => {
    const flood = { code: 4429, reason: 'messages came faster than this connection may send them' };
    const talker = await connect();
    for (let i = 0; i < 400; i++) talker.send({ id: i, op: 'ping' });
    await until(() => talker.closed);
    expect(talker.closed).toEqual(flood);
    // Ten seconds' worth may come at once.
    expect(talker.answers.length).toBeGreaterThanOrEqual(200);
    const pinger = await connect();
    let pongs = 0;
    pinger.ws.on('pong', () => {
      pongs += 1;
    });
    for (let sent = 0; !pinger.closed; ) {
      for (const end = sent + 20; sent < end; sent++) pinger.ws.ping();
      await until(() => pinger.closed !== undefined || pongs === sent);
    }
    expect(pinger.closed).toEqual(flood);
  });

  it('a subscribe to more channels than the rate allows is refused, and the connection lives on', async () => {
    const client = await connect();
    const channels = Array.from({ length: 250 }, (_, i) => `f.${i}`);
    expect(await client.op('subscribe', { channels })).toMatchObject({
      ok: false,
      error: { code: 'too_many_requests', retry_after: 1 },
    });
    expect(await client.op('ping')).toMatchObject({ ok: true });
  });
});

describe('limits', () => {
  it('bound the channels of a connection', async () => {
    const client = await connect();
    await client.subscribe('l.a', 'l.b', 'l.c', 'l.d');
    const refused = await client.op('subscribe', { channels: ['l.e', 'l.f'] });
    expect(refused).toMatchObject({ ok: false, error: { code: 'too_many_requests' } });
    await client.subscribe('l.e');
    await client.op('unsubscribe', { channels: ['l.a', 'l.b'] });
    await client.subscribe('l.f', 'l.g');
  });

  it('bound the connections of an address', async () => {
    const address = '192.0.2.1';
    const first = await connect(undefined, address);
    await connect(undefined, address);
    await connect(undefined, address);
    await expect(connect(undefined, address)).rejects.toThrow('status 429');
    await connect(undefined, '192.0.2.2');
    await first.close();
    await until(() => edge.live.connections === 3);
    await connect(undefined, address);
  });
});

describe('what services publish', () => {
  it.each(['sluice.json', 'sluice.msgpack'])('arrives whatever it is: %s', async (protocol) => {
    const binary = Buffer.from([0xff, 0x00, 0x80]);
    const payloads = ['{"a": [1,\n 2]}', '"text"', '1.50', 'no json', 'ünïcode "quoted"', binary, ''];
    const channel = `p.${protocol.replace('.', '-')}`;
    const client = await connect(protocol);
    expect(client.ws.protocol).toBe(protocol);
    await client.subscribe(channel);
    for (const payload of payloads) await publish(channel, payload);
    await until(() => client.updates.length === payloads.length);
    const json = protocol === 'sluice.json';
    expect(client.updates.map(({ data, encoding }) => [data, encoding])).toEqual([
      [{ a: [1, 2] }, undefined],
      ['text', undefined],
      [1.5, undefined],
      ['no json', 'text'],
      ['ünïcode "quoted"', 'text'],
      json ? [binary.toString('base64'), 'base64'] : [binary, undefined],
      [null, undefined],
    ]);
    const second = await connect(protocol);
    await publish(channel, binary);
    // Stored is not yet arrived: a snapshot from before would be followed by the event, and right as well.
    await until(() => client.updates.length === payloads.length + 1);
    const snapshot = (await second.subscribe(channel))[channel];
    expect(snapshot?.data).toEqual(json ? binary.toString('base64') : binary);
  });

  it('is framed right at every length of a frame', async () => {
    const client = await connect();
    await client.subscribe('p.sizes');
    const sizes = [
      0, 60, 66, 67, 68, 69, 70, 125, 126, 65_400, 65_466, 65_467, 65_468, 65_535, 65_536, 200_000,
    ];
    for (const size of sizes) await publish('p.sizes', JSON.stringify('x'.repeat(size)));
    await until(() => client.updates.length === sizes.length);
    expect(client.updates.map(({ data }) => (data as string).length)).toEqual(sizes);
  });

  it('does not come from others who publish where the stream does', async () => {
    const client = await connect();
    await client.subscribe('p.forged');
    bus.publish('live.out.p.forged', '{"n":"forged"}');
    await bus.flush();
    await publish('p.forged', '{"n":"real"}');
    await until(() => client.updates.length > 0);
    expect(client.updates.map(({ data }) => data)).toEqual([{ n: 'real' }]);
  });
});

describe('calls', () => {
  it('carry method, path, headers and body, and the answer comes back', async () => {
    answer = () => Promise.resolve(reply('{"ok": true}', 'application/json; charset=utf-8', 201));
    calls.length = 0;
    const client = await connect();
    const result = await client.op('call', {
      method: 'post',
      path: '/v1/orders?x=1',
      headers: { 'X-Trace': 'a', 'User-Agent': 'changed' },
      body: { size: '1' },
    });
    expect(result).toEqual({
      id: 1,
      status: 201,
      headers: { 'content-type': 'application/json; charset=utf-8', 'x-twice': ['a', 'b'] },
      body: { ok: true },
    });
    const [call] = calls;
    expect(call).toMatchObject({ method: 'POST', target: '/v1/orders?x=1' });
    expect(Buffer.from(call?.body ?? '').toString()).toBe('{"size":"1"}');
    const headers = call?.headers ?? [];
    expect(headers.filter((_, i) => i % 2 === 0).toSorted()).toEqual(
      ['content-length', 'content-type', 'host', 'user-agent', 'x-trace'].toSorted(),
    );
    expect(headers[headers.indexOf('user-agent') + 1]).toBe('changed');
  });

  it.each([
    ['text', reply('plain', 'text/plain'), { body: 'plain', encoding: 'text' }],
    ['broken JSON', reply('{"a"', 'application/json'), { body: '{"a"', encoding: 'text' }],
    ['bytes', reply(new Uint8Array([255, 0]), 'image/png'), { body: '/wA=', encoding: 'base64' }],
    [
      'a problem',
      reply('{"status":404}', 'application/problem+json', 404),
      { status: 404, body: { status: 404 } },
    ],
  ])('%s as an answer', async (_name, response, expected) => {
    answer = () => Promise.resolve(response);
    const client = await connect();
    expect(await client.op('call', { path: '/x' })).toMatchObject(expected);
  });

  it('in msgpack carry bytes as they are', async () => {
    answer = (call) => Promise.resolve(reply(call.body, 'application/octet-stream'));
    const client = await connect('sluice.msgpack');
    const result = await client.op('call', { method: 'PUT', path: '/x', body: Buffer.from([1, 255]) });
    expect(result.body).toEqual(Buffer.from([1, 255]));
  });

  it('are refused when too many are under way, and with fields that are not the caller’s', async () => {
    const gate = Promise.withResolvers<GatewayReply>();
    answer = () => gate.promise;
    const client = await connect();
    const first = client.op('call', { path: '/1' });
    const second = client.op('call', { path: '/2' });
    expect(await client.op('call', { path: '/3' })).toMatchObject({ error: { code: 'too_many_requests' } });
    gate.resolve(reply('1'));
    expect([await first, await second]).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect(await client.op('call', { path: '/4', headers: { 'x-forwarded-for': '1.2.3.4' } })).toMatchObject({
      error: { code: 'bad_request' },
    });
    expect(await client.op('call', { path: 'no-slash' })).toMatchObject({ error: { code: 'bad_request' } });
  });
});

describe('a connection', () => {
  it('that answers no heartbeat is dropped, others stay', async () => {
    await using quick = await startLiveEdge(nats.url, { liveHeartbeatMs: 200 });
    const alive = await LiveClient.connect(quick.url);
    const dead = await LiveClient.connect(quick.url, { autoPong: false });
    await until(() => dead.closed);
    expect(dead.closed?.code).toBe(1006);
    expect(await alive.op('ping')).toMatchObject({ ok: true });
    await alive.close();
  });

  it('is told when to come back when the edge stops', async () => {
    const stopping = await startLiveEdge(nats.url);
    const clients = await Promise.all(Array.from({ length: 30 }, () => LiveClient.connect(stopping.url)));
    await stopping.live.close('stopping');
    await until(() => clients.every(({ closed }) => closed));
    for (const { closed, events } of clients) {
      expect(closed).toEqual({ code: 1001, reason: 'the gateway goes away: reconnect and resume' });
      expect(events.at(-1)).toMatchObject({ event: 'closing', reconnect_ms: expect.any(Number) });
    }
    await expect(LiveClient.connect(stopping.url)).rejects.toThrow('status 503');
    await stopping[Symbol.asyncDispose]();
  });

  it('that vanishes leaves nothing behind', async () => {
    const client = await connect();
    await client.subscribe('v.one', 'v.two');
    expect(await edge.metric('sluice_live_subscriptions')).toBe(2);
    client.ws.terminate();
    await until(() => edge.live.connections === 0);
    expect(await edge.metric('sluice_live_subscriptions')).toBe(0);
    expect(await edge.metric('sluice_live_connections')).toBe(0);
    await until(async () => (await edge.metric('sluice_live_feeds')) === 0, { timeoutMs: 20_000 });
  });
});
