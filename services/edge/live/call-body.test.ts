import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GatewayCall } from '../live-port.ts';
import { LiveClient } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';

let nats: TestNats;
let edge: LiveEdge;
let client: LiveClient;
const calls: GatewayCall[] = [];

beforeAll(async () => {
  nats = await startNatsServer();
  edge = await startLiveEdge(nats.url, {}, (call) => {
    calls.push(call);
    return Promise.resolve({ status: 204, headers: [], body: Buffer.alloc(0) });
  });
  client = await LiveClient.connect(edge.url);
});
afterAll(async () => {
  await client.close();
  await edge[Symbol.asyncDispose]();
  await nats.stop();
});
beforeEach(() => {
  calls.length = 0;
});

describe('the body of a call', () => {
  it('has its numbers as they were written', async () => {
    for (const body of [
      '{"price":9007199254740993,"x":1.10,"n":[-0,1e400,"1.10"]}',
      '9007199254740993',
      '[1]',
    ]) {
      const before = calls.length;
      client.ws.send(`{"id":"n","op":"call","method":"POST","path":"/x","body":${body}}`);
      await until(() => calls.length > before);
      expect(Buffer.from(calls.at(-1)?.body ?? '').toString()).toBe(body);
    }
  });

  it.each(['!!!', 'A', 'AP8==', 'é'])('that is called base64 and is %j is refused', async (body) => {
    expect(await client.op('call', { path: '/x', encoding: 'base64', body })).toMatchObject({
      ok: false,
      error: { code: 'bad_request', detail: 'body: expected a string of base64.' },
    });
    expect(calls).toEqual([]);
  });

  it('is the bytes of base64, with or without the padding', async () => {
    for (const body of ['AP8=', 'AP8']) {
      await client.op('call', { path: '/x', encoding: 'base64', body });
      expect(Buffer.from(calls.at(-1)?.body ?? '').toString('hex')).toBe('00ff');
    }
  });
});
