import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { mostJsonDepth } from '@sluice/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LiveClient } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';
import { SseClient } from './testing/sse-client.ts';

let nats: TestNats;
let edge: LiveEdge;
let bus: Bus;
/** What the backend of every call answers. */
let answer: string;

beforeAll(async () => {
  nats = await startNatsServer();
  edge = await startLiveEdge(nats.url, {}, () =>
    Promise.resolve({
      status: 200,
      headers: ['content-type', 'application/json'],
      body: Buffer.from(answer),
    }),
  );
  bus = await connectBus({ servers: [nats.url], name: 'publisher' });
  await ensureStream(bus, liveStream(1));
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await bus.close(1_000);
  await nats.stop();
});

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
/** What a writer of MessagePack that knows classes and hooks takes for one of them. */
const hooks = '{"constructor":1,"toJSON":1}';
const formats = ['sluice.json', 'sluice.msgpack'];

async function publish(channel: string, data: string): Promise<void> {
  await publishStored(bus, `live.in.${channel}`, data, { deadline: Date.now() + 5_000 });
}

let namespaces = 0;

describe.each(formats)('a payload of a hostile backend, in %s', (protocol) => {
  it.each([
    ['too deep', nested(mostJsonDepth + 1)],
    ['deeper than any stack', nested(100_000)],
    ['deep below members', `{"a":`.repeat(2_000) + '1' + '}'.repeat(2_000)],
    ['brackets that never close', '['.repeat(2_000)],
  ])('%s comes as text: as an update, in a snapshot and out of history', async (_name, payload) => {
    const namespace = `hostile${(namespaces += 1)}`;
    const [channel, pattern] = [`${namespace}.a`, `${namespace}.*`];
    const client = await LiveClient.connect(edge.url, { protocol });
    await client.subscribe(channel);
    await publish(channel, payload);
    await publish(channel, '{"n":2}');
    await until(() => client.updates.length === 2);
    expect(client.updates[0]).toMatchObject({ prev: 0, data: payload, encoding: 'text' });
    expect(client.updates[1]).toMatchObject({ prev: client.updates[0]?.seq, data: { n: 2 } });
    await publish(channel, payload);
    const late = await LiveClient.connect(edge.url, { protocol });
    expect((await late.subscribe(channel))[channel]).toMatchObject({ data: payload, encoding: 'text' });
    await late.op('unsubscribe', { channels: [channel] });
    const standing = (await late.subscribe(pattern))[pattern];
    expect(standing?.snapshot?.[channel]).toMatchObject({ data: payload, encoding: 'text' });
    await late.op('unsubscribe', { channels: [pattern] });
    await late.op('subscribe', { channels: [channel], history: 3 });
    expect(late.updates.map(({ data }) => data)).toEqual([payload, { n: 2 }, payload]);
    await Promise.all([client.close(), late.close()]);
  });

  it.each([
    ['as deep as documents may be', nested(mostJsonDepth)],
    ['names of hooks', hooks],
    ['names of what every object has', '{"hasOwnProperty":1,"constructor":null,"then":2,"length":-1}'],
  ])('%s comes as it is', async (_name, payload) => {
    const channel = `hostile${(namespaces += 1)}.a`;
    const client = await LiveClient.connect(edge.url, { protocol });
    await client.subscribe(channel);
    await publish(channel, payload);
    await until(() => client.updates.length === 1);
    expect(client.updates[0]?.data).toEqual(JSON.parse(payload));
    expect(client.updates[0]).not.toHaveProperty('encoding');
    await client.close();
  });

  it.each([
    ['too deep', nested(mostJsonDepth + 1)],
    ['deeper than any stack', nested(100_000)],
  ])('%s in the answer to a call is no JSON', async (_name, body) => {
    answer = body;
    const client = await LiveClient.connect(edge.url, { protocol });
    const reply = await client.op('call', { path: '/v1/x' });
    expect(reply.status).toBe(200);
    if (protocol === 'sluice.json') expect(reply).toMatchObject({ body, encoding: 'text' });
    else expect(reply.body).toEqual(Buffer.from(body));
    await client.close();
  });

  it('names of hooks in the answer to a call come as they are', async () => {
    answer = hooks;
    const client = await LiveClient.connect(edge.url, { protocol });
    expect((await client.op('call', { path: '/v1/x' })).body).toEqual(JSON.parse(hooks));
    await client.close();
  });
});

it('a payload that is too deep is an ordinary event of an event stream', async () => {
  const channel = `hostile${(namespaces += 1)}.a`;
  const client = new SseClient(`${edge.url}?channels=${channel}`);
  await until(() => client.standings.length === 1);
  await publish(channel, nested(2_000));
  await until(() => client.updates.length === 1);
  expect(client.updates[0]).toMatchObject({ data: nested(2_000), encoding: 'text' });
  client.source.close();
});
