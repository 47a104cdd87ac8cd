import type { Duplex } from 'node:stream';
import { SluiceError } from '@sluice/errors';
import { RawClient, rawRequest, until } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LiveClient } from './live-port.ts';
import { pairs, startTestEdge, type TestEdge } from './testing/test-edge.ts';

let edge: TestEdge;
let client: LiveClient | null = null;
let refusal: SluiceError | null = null;
/** Set: the live side makes up its mind when this is resolved. */
let thinking: Promise<void> | null = null;
/** Handshakes and streams that it was given, and the connection of the last one. */
let asked = 0;
let connection: Duplex | null = null;
beforeAll(async () => {
  edge = await startTestEdge({
    live: {
      handleSse(request, response, given) {
        asked += 1;
        connection = request.socket;
        const later = thinking;
        if (later) {
          thinking = null;
          return later.then(() => this.handleSse?.(request, response, given));
        }
        if (refusal) throw refusal;
        if (given.query === 'broken') {
          response.write('half an answer');
          throw new Error('broken in the middle');
        }
        client = given;
        response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': given.requestId });
        response.end('data: 1\n\n');
        return undefined;
      },
      handleUpgrade(request, socket, head, given) {
        asked += 1;
        connection = request.socket;
        const later = thinking;
        if (later) {
          thinking = null;
          return later.then(() => this.handleUpgrade?.(request, socket, head, given));
        }
        if (refusal) throw refusal;
        client = given;
        socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${request.url} ${head.length}`);
        return undefined;
      },
    },
  });
  await edge.route({ id: 'get', path: '/v1/things/{id}' });
  await edge.route({ id: 'post', method: 'POST', path: '/v1/things' });
  await edge.route({ id: 'closed', path: '/v1/closed', auth: ['api-key'] });
});
afterAll(() => edge.stop());
beforeEach(() => {
  edge.received.length = 0;
  edge.backend = () => ({ body: Buffer.from('ok') });
  client = null;
  refusal = null;
  thinking = null;
  asked = 0;
});

const noBytes = new Uint8Array(0);
const call = (method: string, target: string, body: Uint8Array = noBytes, headers: string[] = []) =>
  edge.call({ method, target, headers, body, address: '192.0.2.1', caller: null, requestId: 'call-1' });
const problemOf = (reply: { body: Uint8Array }): unknown => JSON.parse(Buffer.from(reply.body).toString());

describe('a call from inside a live connection', () => {
  it('goes the way of a request', async () => {
    edge.backend = ({ params }) => ({
      headers: ['content-type', 'text/plain'],
      body: Buffer.from(`${params['id']}`),
    });
    const reply = await call('GET', '/v1/things/a%20b?x=1', noBytes, ['x-mine', '1', 'content-length', '99']);
    expect(reply.status).toBe(200);
    expect(Buffer.from(reply.body).toString()).toBe('a b');
    expect(pairs(reply.headers)).toContainEqual(['x-request-id', 'call-1']);
    expect(edge.received[0]).toMatchObject({ path: '/v1/things/a%20b', query: 'x=1', client: '192.0.2.1' });
    expect(pairs(edge.received[0]!.headers)).toContainEqual(['x-mine', '1']);
  });

  it('carries a body, up to the limit', async () => {
    edge.backend = ({ body }) => ({ status: 201, body: Buffer.from(body) });
    const reply = await call('POST', '/v1/things', Buffer.from('hello'));
    expect([reply.status, Buffer.from(reply.body).toString()]).toEqual([201, 'hello']);
    const large = await call('POST', '/v1/things', Buffer.alloc(1024 * 1024 + 1));
    expect([large.status, problemOf(large)]).toEqual([
      413,
      expect.objectContaining({ code: 'body_too_large' }),
    ]);
  });

  it.each([
    ['GET', '/v1/nowhere', 404, 'not_found'],
    ['GET', '/v1/things/..', 400, 'bad_path'],
    ['GET', 'http://other/v1/things/1', 400, 'bad_request'],
    ['DELETE', '/v1/things/1', 405, 'method_not_allowed'],
    ['GET', '/v1/closed', 401, 'unauthorized'],
    ['GET', '/v1/stream', 400, 'bad_request'],
    ['nonsense', '/v1/things/1', 400, 'bad_request'],
    ['GET","x":"', '/v1/things/1', 400, 'bad_request'],
    ['', '/v1/things/1', 400, 'bad_request'],
    ['GET', '', 400, 'bad_request'],
  ])('is refused like a request: %s %s is %i %s', async (method, target, status, code) => {
    const reply = await call(method, target);
    expect([reply.status, problemOf(reply)]).toEqual([status, expect.objectContaining({ code })]);
    expect(edge.received).toEqual([]);
  });

  it('leaves a record', async () => {
    await edge.call({
      method: 'GET',
      target: '/v1/things/1?token=secret',
      headers: [],
      body: noBytes,
      address: '192.0.2.1',
      caller: null,
      requestId: 'live-call-1',
    });
    expect(await edge.recordOf('live-call-1')).toMatchObject({
      status: 200,
      client: '192.0.2.1',
      path: '/v1/things/1',
    });
  });
});

const upgrade = (target: string, more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Request-Id: ws-1\r\n${more}\r\n`;

describe('a WebSocket handshake', () => {
  it('on /v1/stream is handed over with what is known of the client', async () => {
    const response = await rawRequest(edge.url, upgrade('/v1/stream?a=b', 'Authorization: x\r\n'));
    expect(response.status).toBe(101);
    expect(client).toMatchObject({ requestId: 'ws-1', address: '127.0.0.1', query: 'a=b' });
    expect(pairs(client!.headers)).toContainEqual(['authorization', 'x']);
    expect(await edge.recordOf('ws-1')).toMatchObject({ status: 101, path: '/v1/stream' });
  });

  it('can be refused with a problem document', async () => {
    refusal = new SluiceError('too_many_requests', 'Too many connections.', { retryAfter: 5 });
    const socket = await RawClient.open(edge.url);
    socket.send(upgrade('/v1/stream'));
    const response = await socket.response();
    expect([response.status, response.header('retry-after')]).toEqual([429, '5']);
    expect(response.json()).toMatchObject({ code: 'too_many_requests', request_id: 'ws-1' });
    await socket.ended();
    socket.close();
  });

  it.each([
    ['/v1/things/1', 200],
    ['/nowhere', 404],
    ['/v1/../v1/stream', 400],
    ['http://other/v1/stream', 400],
  ])('elsewhere is an ordinary request: %s is %i', async (target, status) => {
    edge.backend = () => ({ body: Buffer.from('ok') });
    expect((await rawRequest(edge.url, upgrade(target))).status).toBe(status);
    expect(client).toBeNull();
  });

  it('with two hosts never reaches the live side', async () => {
    expect((await rawRequest(edge.url, upgrade('/v1/stream', 'Host: b\r\n'))).status).toBe(400);
    expect(client).toBeNull();
  });

  it('whose client resets at once does no harm', async () => {
    for (let i = 0; i < 20; i++) {
      const socket = await RawClient.open(edge.url);
      socket.send(upgrade('/v1/stream'));
      socket.socket.resetAndDestroy();
    }
    expect((await fetch(`${edge.url}/v1/things/1`)).status).toBe(200);
  });
});

describe('a live side that takes its time', () => {
  it.each(['websocket', 'sse'])('is waited for: %s', async (transport) => {
    const gate = Promise.withResolvers<void>();
    thinking = gate.promise;
    const id = `later-${transport}`;
    const response =
      transport === 'websocket'
        ? rawRequest(edge.url, upgrade('/v1/stream').replace('ws-1', id))
        : rawRequest(edge.url, `GET /v1/stream HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n\r\n`);
    await until(() => asked === 1);
    expect(edge.records.some((record) => record['request_id'] === id)).toBe(false);
    gate.resolve();
    const status = transport === 'websocket' ? 101 : 200;
    expect((await response).status).toBe(status);
    expect(await edge.recordOf(id)).toMatchObject({ status, path: '/v1/stream' });
  });

  it('can still refuse', async () => {
    thinking = Promise.resolve();
    refusal = new SluiceError('unauthorized', 'Not you.', { headers: { 'www-authenticate': 'Bearer' } });
    const response = await rawRequest(edge.url, upgrade('/v1/stream'));
    expect([response.status, response.header('www-authenticate')]).toEqual([401, 'Bearer']);
    thinking = Promise.resolve();
    expect((await fetch(`${edge.url}/v1/stream`)).status).toBe(401);
  });

  it('finds that the client has gone, and the record says so', async () => {
    for (const [id, request] of [
      ['gone-1', upgrade('/v1/stream').replace('ws-1', 'gone-1')],
      ['gone-2', 'GET /v1/stream HTTP/1.1\r\nHost: a\r\nX-Request-Id: gone-2\r\n\r\n'],
    ] as const) {
      const before = asked;
      const gate = Promise.withResolvers<void>();
      thinking = gate.promise;
      refusal = new SluiceError('unavailable', 'Nobody is there.');
      const socket = await RawClient.open(edge.url);
      socket.send(request);
      await until(() => asked > before);
      socket.socket.resetAndDestroy();
      await until(() => connection?.destroyed);
      gate.resolve();
      expect(await edge.recordOf(id)).toMatchObject({ status: 499 });
    }
    await until(() => edge.phases.inFlight.count === 0);
  });
});

describe('server-sent events', () => {
  it('on GET /v1/stream are handed over, and recorded when they end', async () => {
    const response = await fetch(`${edge.url}/v1/stream?channels=a`, {
      headers: { 'x-request-id': 'sse-1' },
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(await response.text()).toBe('data: 1\n\n');
    expect(client).toMatchObject({ requestId: 'sse-1', query: 'channels=a' });
    expect(await edge.recordOf('sse-1')).toMatchObject({ status: 200, path: '/v1/stream' });
  });

  it('can be refused with a problem document', async () => {
    refusal = new SluiceError('invalid_parameters', 'No channel is named.');
    const response = await fetch(`${edge.url}/v1/stream`);
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'invalid_parameters' }),
    ]);
  });

  it('that break in the middle cost that client its connection and nobody anything else', async () => {
    await expect(fetch(`${edge.url}/v1/stream?broken`).then((response) => response.text())).rejects.toThrow();
    expect((await fetch(`${edge.url}/v1/things/1`)).status).toBe(200);
    expect(edge.phases.inFlight.count).toBe(0);
  });

  it('have no other method', async () => {
    const response = await fetch(`${edge.url}/v1/stream`, { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, OPTIONS']);
  });
});
