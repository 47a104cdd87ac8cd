import { RawClient, until } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

/** A tenth of the real times; the real ones are tested against a real process. */
const hasty = { headersTimeoutMs: 1_000, graceMs: 1_000, leastRate: 2_048 };
let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge({ config: hasty });
  await edge.route({ id: 'post', method: 'POST', path: '/v1/items' });
  await edge.route({ id: 'get', path: '/v1/items' });
  edge.backend = ({ body }) => ({ body: Buffer.from(String(body.length)) });
});
afterAll(() => edge.stop());

/** Sends the text byte by byte, one every `everyMs`, until the connection ends; gives what came back. */
async function trickle(url: string, start: string, rest: string, everyMs: number): Promise<string> {
  const client = await RawClient.open(url);
  client.send(start);
  let at = 0;
  const timer = setInterval(() => client.send(rest[at++ % rest.length] as string), everyMs);
  try {
    return (await client.ended()).toString('latin1');
  } finally {
    clearInterval(timer);
    client.close();
  }
}

describe('slow senders', () => {
  it.each([
    ['a request line', 'G', 'ET / HTTP/1.1\r\n'],
    ['a header section', 'GET / HTTP/1.1\r\nHost: a\r\nX: ', 'x'],
    ['a body', 'POST /v1/items HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n', 'x'],
    [
      'a chunked body',
      'POST /v1/items HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n',
      'x',
    ],
    [
      'the second request of a connection',
      'GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nX: ',
      'x',
    ],
  ])('of %s get 408 and the connection ends', async (_, start, rest) => {
    const answer = await trickle(edge.url, start, rest, 100);
    expect(answer).toContain('HTTP/1.1 408 Request Timeout\r\n');
    expect(answer).toContain('"code":"request_timeout"');
    expect(answer).toContain('connection: close');
  });

  it('that never say anything are closed without a word', async () => {
    const client = await RawClient.open(edge.url);
    expect((await client.ended()).length).toBe(0);
    client.close();
  });

  it('that are slow but steady are served: four times the grace', async () => {
    const client = await RawClient.open(edge.url);
    client.send('POST /v1/items HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n');
    let left = 20_000;
    const timer = setInterval(() => {
      client.send('x'.repeat(Math.min(left, 500)));
      left -= Math.min(left, 500);
    }, 100);
    const response = await client.response();
    clearInterval(timer);
    expect([response.status, response.body.toString()]).toEqual([200, '20000']);
    client.close();
  });
});

describe('more connections than allowed', () => {
  it('are closed at once and counted; those that are open go on', async () => {
    await using own = await startTestEdge({ config: { maxConnections: 2 } });
    await own.route({ path: '/v1/thing' });
    const [first, second] = [await RawClient.open(own.url), await RawClient.open(own.url)];
    await until(() => own.http.connections === 2);
    const third = await RawClient.open(own.url);
    await third.ended();
    for (const client of [first, second]) {
      client.send('GET /v1/thing HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await client.response()).status).toBe(200);
    }
    expect(await own.registry.metrics()).toContain('sluice_edge_rejected_total{reason="connections"} 1');
    for (const client of [first, second, third]) client.close();
  });
});

describe('a client that stops reading', () => {
  it('is cut off, its memory is freed, and others are served meanwhile', async () => {
    const large = Buffer.alloc(6 * 1024 * 1024, 1);
    await using own = await startTestEdge({ config: { ...hasty, leastRate: 8 * 1024 * 1024 } });
    await own.route({ path: '/v1/large' });
    await own.route({ path: '/v1/small' });
    own.backend = ({ path }) => ({ body: path === '/v1/large' ? large : Buffer.from('ok') });
    const stalled = await Promise.all(Array.from({ length: 5 }, () => RawClient.open(own.url)));
    for (const client of stalled) {
      client.socket.pause();
      client.send('GET /v1/large HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2));
    }
    await until(() => own.received.filter(({ path }) => path === '/v1/large').length === 10);
    expect((await fetch(`${own.url}/v1/small`)).status).toBe(200);
    await until(async () => /rejected_total\{reason="stalled"\} 5/.test(await own.registry.metrics()));
    await until(() => own.http.connections <= 1);
    for (const client of stalled) client.close();
  });

  it('only while it could read: an answer behind a slow one is not held against it', async () => {
    const release = Promise.withResolvers<void>();
    await using own = await startTestEdge({ config: { ...hasty, graceMs: 200 } });
    await own.route({ path: '/v1/slow' });
    await own.route({ path: '/v1/quick' });
    own.backend = async ({ path }) => {
      if (path === '/v1/slow') await release.promise;
      return { body: Buffer.from(path) };
    };
    const client = await RawClient.open(own.url);
    client.send('GET /v1/slow HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/quick HTTP/1.1\r\nHost: a\r\n\r\n');
    const started = performance.now();
    await until(() => performance.now() - started > 1_000);
    release.resolve();
    expect((await client.response()).body.toString()).toBe('/v1/slow');
    expect((await client.response()).body.toString()).toBe('/v1/quick');
    client.close();
  });
});
