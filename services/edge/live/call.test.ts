import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { Packr } from 'msgpackr';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LiveClient } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';

let nats: TestNats;
let edge: LiveEdge;
let client: LiveClient;

beforeAll(async () => {
  nats = await startNatsServer();
  // Room for what no stack takes, however large it is: 64 KiB can be too deep for the usual one.
  edge = await startLiveEdge(nats.url, { liveMaxMessage: 2 * 1024 * 1024 });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await nats.stop();
});

afterEach(() => client.close());

/** Says what only JavaScript reads, too. */
const packr = new Packr({ useRecords: false, useBigIntExtension: true });

describe('the body of a call that JSON cannot say', () => {
  it('is refused with what is wrong: an integer beyond 64 bits', async () => {
    client = await LiveClient.connect(edge.url, { protocol: 'sluice.msgpack' });
    const body = { amount: 2n ** 80n };
    client.ws.send(packr.pack({ id: 1, op: 'call', method: 'POST', path: '/x', body }));
    await until(() => client.answers.length === 1);
    const detail = 'body: holds what JSON cannot say, such as an integer beyond 64 bits.';
    expect(client.answers).toEqual([{ id: 1, ok: false, error: { code: 'bad_request', detail } }]);
    expect(edge.logs.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  it('is refused with what is wrong: a nesting beyond any stack', async () => {
    client = await LiveClient.connect(edge.url);
    // A member of this name takes V8 off its way of writing JSON without recursion.
    const body = `${'['.repeat(500_000)}{"toJSON":1}${']'.repeat(500_000)}`;
    client.ws.send(`{"id":1,"op":"call","method":"POST","path":"/x","body":${body}}`);
    await until(() => client.answers.length === 1);
    const detail = 'body: is nested too deep.';
    expect(client.answers).toEqual([{ id: 1, ok: false, error: { code: 'bad_request', detail } }]);
    expect(edge.logs.filter((line) => line.includes('"level":50'))).toEqual([]);
  });
});
