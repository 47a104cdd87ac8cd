import { encodeResponse } from '@sluice/wire';
import { RawClient, rawRequest, until } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge();
  await edge.route({ id: 'get', path: '/v1/thing' });
  await edge.route({ id: 'hasty', path: '/v1/hasty', timeoutMs: 150 });
  await edge.route({ id: 'post', method: 'POST', path: '/v1/thing' });
});
afterAll(() => edge.stop());
beforeEach(() => {
  edge.failures.length = 0;
  edge.backend = () => ({ body: Buffer.from('ok') });
});

const request = 'GET /v1/thing HTTP/1.1\r\nHost: a\r\n\r\n';
const problem = async (path = '/v1/thing') => {
  const response = await fetch(edge.url + path);
  const body = (await response.json()) as Record<string, unknown>;
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(JSON.stringify(body)).not.toMatch(/sluice\.route|_INBOX|test\.subject/);
  return { status: response.status, code: body['code'], retryAfter: response.headers.get('retry-after') };
};

describe('failures on the way to a backend', () => {
  it('nobody listens: 503 at once, with Retry-After', async () => {
    await edge.routerAway(true);
    expect(await problem()).toEqual({ status: 503, code: 'unavailable', retryAfter: '1' });
    await edge.routerAway(false);
    expect((await fetch(`${edge.url}/v1/thing`)).status).toBe(200);
  });

  it('no answer before the deadline of the route: 504', async () => {
    const late = Promise.withResolvers<void>();
    edge.backend = async () => {
      await late.promise;
      return {};
    };
    expect(await problem('/v1/hasty')).toEqual({ status: 504, code: 'deadline_exceeded', retryAfter: null });
    late.resolve();
  });

  it.each([
    ['no msgpack', Buffer.from([0xc1])],
    ['text', Buffer.from('{"status":200}')],
    ['nothing', Buffer.alloc(0)],
    ['a status of 1xx', encodeResponse({ status: 101, headers: [], body: Buffer.alloc(0) })],
    ['a status beyond 599', encodeResponse({ status: 999, headers: [], body: Buffer.alloc(0) })],
    [
      'a line break in a header',
      encodeResponse({ status: 200, headers: ['x', 'a\r\nset-cookie: b'], body: Buffer.alloc(0) }),
    ],
    [
      'a header name with a space',
      encodeResponse({ status: 200, headers: ['x y', 'a'], body: Buffer.alloc(0) }),
    ],
    [
      'a header beyond Latin-1',
      encodeResponse({ status: 200, headers: ['x', '5 €'], body: Buffer.alloc(0) }),
    ],
    ['headers that are no pairs', encodeResponse({ status: 200, headers: ['x'], body: Buffer.alloc(0) })],
  ])('an answer that is none (%s): 502, and the log says why', async (_, bytes) => {
    edge.backend = () => bytes;
    expect(await problem()).toMatchObject({ status: 502, code: 'bad_backend_response' });
    expect(edge.failures).toEqual([
      expect.objectContaining({
        code: 'bad_backend_response',
        route: 'get',
        err: expect.any(Error) as Error,
      }),
    ]);
  });
});

describe('what a backend answers', () => {
  it.each([200, 201, 226, 299, 308, 404, 418, 499, 500, 599])(
    'status %i arrives as it is',
    async (status) => {
      edge.backend = () => ({ status, body: Buffer.from('x') });
      const response = await rawRequest(edge.url, request);
      expect(response.status).toBe(status);
      if (status === 299 || status === 499 || status === 599) expect(response.reason).toBe('');
    },
  );

  it.each([
    [204, undefined],
    [304, undefined],
    [205, '0'],
  ])('status %i has no body, whatever was sent', async (status, length) => {
    edge.backend = () => ({
      status,
      headers: ['content-length', '3', 'etag', '"x"'],
      body: Buffer.from('abc'),
    });
    const client = await RawClient.open(edge.url);
    client.send(request);
    const response = await client.response();
    expect([response.status, response.header('content-length'), response.header('etag')]).toEqual([
      status,
      length,
      '"x"',
    ]);
    edge.backend = () => ({ body: Buffer.from('next') });
    client.send(request);
    expect((await client.response()).body.toString()).toBe('next');
    client.close();
  });

  it('cannot disturb the framing or the connection', async () => {
    edge.backend = () => ({
      headers: [
        'content-length',
        '1',
        'transfer-encoding',
        'chunked',
        'connection',
        'close',
        'keep-alive',
        'x',
        'date',
        'Thu, 01 Jan 1970 00:00:00 GMT',
      ],
      body: Buffer.from('four'),
    });
    const response = await rawRequest(edge.url, request);
    expect(response.body.toString()).toBe('four');
    expect(response.header('transfer-encoding')).toBeUndefined();
    expect(response.header('connection')).toBe('keep-alive');
    expect(response.headers.filter(([name]) => name === 'date')).toEqual([
      ['date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
    ]);
  });

  it('may be as large as NATS carries', async () => {
    const body = Buffer.alloc(4 * 1024 * 1024, 7);
    edge.backend = () => ({ body });
    const response = await fetch(`${edge.url}/v1/thing`);
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  });
});

describe('a client that goes away', () => {
  it('before its answer: the record says so, and the edge goes on', async () => {
    const hold = Promise.withResolvers<void>();
    edge.backend = async () => {
      await hold.promise;
      return { body: Buffer.alloc(1024) };
    };
    const others = edge.http.connections;
    const client = await RawClient.open(edge.url);
    client.send('GET /v1/thing HTTP/1.1\r\nHost: a\r\nX-Request-Id: gone-1\r\n\r\n');
    await until(() => edge.received.some(({ id }) => id === 'gone-1'));
    client.close();
    await until(() => edge.http.connections === others);
    hold.resolve();
    expect(await edge.recordOf('gone-1')).toMatchObject({ status: 499, bytes_out: 1024 });
    expect(edge.phases.inFlight.count).toBe(0);
    expect(await edge.registry.metrics()).toContain('status="gone"');
  });

  it('in the middle of its body: nothing reaches a backend', async () => {
    const before = edge.received.length;
    const client = await RawClient.open(edge.url);
    client.send(
      'POST /v1/thing HTTP/1.1\r\nHost: a\r\nX-Request-Id: gone-2\r\nContent-Length: 100\r\n\r\nhalf',
    );
    await until(() => edge.phases.inFlight.count === 1);
    client.close();
    expect(await edge.recordOf('gone-2')).toMatchObject({ status: 499 });
    expect(edge.received.length).toBe(before);
  });
});

describe('NATS goes away', () => {
  it('503 at once, without one: requests under way included; and back to normal by itself', async () => {
    await using own = await startTestEdge();
    await own.route({ path: '/v1/thing', timeoutMs: 60_000 });
    own.backend = () => new Promise(() => {});
    const underWay = fetch(`${own.url}/v1/thing`);
    await until(() => own.received.length === 1);
    await own.nats.kill();
    expect((await underWay).status).toBe(503);
    const refused = await fetch(`${own.url}/v1/thing`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    // What needs no message is still answered.
    expect((await fetch(`${own.url}/nowhere`)).status).toBe(404);
    await own.nats.restart();
    own.backend = () => ({ body: Buffer.from('back') });
    await until(async () => (await fetch(`${own.url}/v1/thing`)).status === 200);
  });
});
