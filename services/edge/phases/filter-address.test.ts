import { RawClient, rawRequest } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

let edge: TestEdge;
const streams: string[] = [];
beforeAll(async () => {
  edge = await startTestEdge({
    // Every address of these tests is one that a trusted proxy names.
    config: { trustedProxies: '127.0.0.1' },
    live: {
      handleSse: (_, response, client) => {
        streams.push(client.address);
        response.end('stream');
      },
      handleUpgrade: (_, socket, __, client) => {
        streams.push(client.address);
        socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      },
    },
  });
  await edge.route({ path: '/v1/open' });
  await edge.route({ path: '/v1/office', addresses: { allow: ['office'], deny: ['192.0.2.66'] } });
});
afterAll(() => edge.stop());
beforeEach(async () => {
  edge.received.length = 0;
  streams.length = 0;
  await edge.document({
    addresses: { lists: { office: ['192.0.2.0/24'] }, deny: ['198.51.100.0/24', '2001:db8::/32'] },
  });
});

const from = (address: string) => `Host: a\r\nX-Forwarded-For: ${address}\r\n`;
const get = (path: string, address: string, more = '') =>
  rawRequest(edge.url, `GET ${path} HTTP/1.1\r\n${from(address)}${more}\r\n`);
const upgrade =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

describe('a denied address', () => {
  it('gets 403 and nothing else, is recorded and counted, and nothing reaches a backend', async () => {
    const response = await get('/v1/open', '198.51.100.7', 'X-Request-Id: denied-1\r\n');
    expect([response.status, response.header('content-type')]).toEqual([403, 'application/problem+json']);
    expect(response.json()).toEqual({
      type: expect.any(String) as string,
      title: 'Not allowed',
      status: 403,
      code: 'forbidden',
      detail: 'Requests from this address are not accepted.',
      request_id: 'denied-1',
    });
    expect(await edge.recordOf('denied-1')).toMatchObject({
      status: 403,
      code: 'forbidden',
      client: '198.51.100.7',
      route: 'none',
    });
    expect(await edge.registry.metrics()).toContain('sluice_edge_addresses_refused_total{scope="gateway"} 1');
    expect(edge.received).toEqual([]);
  });

  it.each([
    ['an unknown path', 'GET /nowhere HTTP/1.1\r\n', ''],
    ['a path trick', 'GET /a/../b HTTP/1.1\r\n', ''],
    ['bad framing', 'GET /v1/open HTTP/1.1\r\nHost: b\r\n', ''],
    ['a long target', `GET /${'a'.repeat(9_000)} HTTP/1.1\r\n`, ''],
    ['OPTIONS', 'OPTIONS /v1/open HTTP/1.1\r\n', ''],
    [
      'a preflight',
      'OPTIONS /v1/open HTTP/1.1\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n',
      '',
    ],
    ['the reference', 'GET /docs HTTP/1.1\r\n', ''],
    ['an event stream', 'GET /v1/stream HTTP/1.1\r\n', ''],
    ['a WebSocket', 'GET /v1/stream HTTP/1.1\r\n', upgrade],
    ['a body', 'POST /v1/open HTTP/1.1\r\nContent-Length: 3\r\n', ''],
  ])('learns nothing by %s: 403', async (_, start, more) => {
    const response = await rawRequest(edge.url, `${start}${from('2001:db8::7')}${more}\r\nabc`);
    expect([response.status, response.json()['code']]).toEqual([403, 'forbidden']);
    expect(streams).toEqual([]);
  });

  it('is not told either what is wrong with bytes that are no request', async () => {
    await using own = await startTestEdge({ document: { addresses: { deny: ['127.0.0.0/8'] } } });
    for (const bytes of [
      'BREW / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n',
      'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    ])
      expect((await rawRequest(own.url, bytes)).json()).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('is refused in calls over a live connection too', async () => {
    const call = { method: 'GET', target: '/v1/open', headers: [], body: Buffer.alloc(0), caller: null };
    expect((await edge.call({ ...call, address: '198.51.100.7' })).status).toBe(403);
    expect((await edge.call({ ...call, address: '192.0.2.7' })).status).toBe(200);
  });

  it('is refused with the next request of a connection that is open already', async () => {
    const client = await RawClient.open(edge.url);
    const ask = async () => {
      client.send(`GET /v1/open HTTP/1.1\r\n${from('192.0.2.7')}\r\n`);
      const response = await client.response();
      return [response.status, response.header('connection')];
    };
    expect(await ask()).toEqual([200, 'keep-alive']);
    await edge.document({ addresses: { deny: ['192.0.2.7'] } });
    expect(await ask()).toEqual([403, 'keep-alive']);
    await edge.document({});
    expect(await ask()).toEqual([200, 'keep-alive']);
    client.close();
  });
});

describe('the rules of a route', () => {
  it.each([
    ['192.0.2.7', 200],
    ['192.0.2.66', 403],
    ['203.0.113.1', 403],
    ['198.51.100.7', 403],
  ])('%s: %i', async (address, status) => {
    expect((await get('/v1/office', address)).status).toBe(status);
  });

  it('hold for the preflight that asks about the route, and not for its other methods', async () => {
    await edge.route({ id: 'write', method: 'POST', path: '/v1/office' });
    await edge.document({
      addresses: { lists: { office: ['192.0.2.0/24'] } },
      cors: { web: { origins: ['https://a.example'] } },
    });
    await edge.route({
      path: '/v1/office',
      cors: 'web',
      addresses: { allow: ['office'], deny: [] },
    });
    const preflight = (method: string, address: string) =>
      rawRequest(
        edge.url,
        `OPTIONS /v1/office HTTP/1.1\r\n${from(address)}Origin: https://a.example\r\nAccess-Control-Request-Method: ${method}\r\n\r\n`,
      );
    expect((await preflight('GET', '192.0.2.7')).status).toBe(204);
    expect((await preflight('GET', '203.0.113.1')).status).toBe(403);
    expect((await preflight('POST', '203.0.113.1')).status).toBe(204);
  });

  it('are counted apart', async () => {
    await get('/v1/office', '203.0.113.1');
    expect(await edge.registry.metrics()).toMatch(
      /sluice_edge_addresses_refused_total\{scope="route"\} [1-9]/,
    );
  });
});

describe('streams', () => {
  it('know the address that was found out', async () => {
    expect((await get('/v1/stream', '192.0.2.7')).status).toBe(200);
    expect((await get('/v1/stream', '192.0.2.8', upgrade)).status).toBe(101);
    expect(streams).toEqual(['192.0.2.7', '192.0.2.8']);
  });
});
