import { RawClient, rawRequest } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pairs, startTestEdge, type TestEdge } from './testing/test-edge.ts';

let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge();
  await edge.route({ path: '/v1/orders/{id}' });
  await edge.route({ id: 'put-order', method: 'PUT', path: '/v1/orders/{id}' });
  await edge.route({ id: 'post-orders', method: 'POST', path: '/v1/orders' });
  await edge.route({ id: 'head-size', method: 'HEAD', path: '/v1/size' });
  await edge.route({ id: 'any', method: '*', path: '/any/{rest...}' });
  await edge.route({ id: 'closed', path: '/v1/closed', auth: ['api-key'] });
});
afterAll(() => edge.stop());
beforeEach(() => {
  edge.backend = () => ({ body: Buffer.from('ok') });
  edge.received.length = 0;
});

describe('a request', () => {
  it('reaches the router as an envelope and comes back as the backend answered', async () => {
    edge.backend = () => ({
      status: 201,
      headers: ['content-type', 'text/plain', 'set-cookie', 'a=1', 'set-cookie', 'b=2', 'x-odd', ' é '],
      body: Buffer.from([0, 255, 10, 13]),
    });
    const response = await fetch(`${edge.url}/v1/orders/a%20b?x=1&x=%2F`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'x-mine': 'yes', te: 'trailers' },
      body: Buffer.from([1, 2, 0, 3]),
    });
    expect(response.status).toBe(201);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('content-length')).toBe('4');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from([0, 255, 10, 13]));

    const [request] = edge.received;
    expect(request).toMatchObject({
      method: 'PUT',
      path: '/v1/orders/a%20b',
      route: 'put-order',
      params: { id: 'a b' },
      query: 'x=1&x=%2F',
      client: '127.0.0.1',
      identity: null,
    });
    expect(Buffer.from(request!.body)).toEqual(Buffer.from([1, 2, 0, 3]));
    const names = pairs(request!.headers).map(([name]) => name);
    expect(names).toContain('host');
    expect(names).toContain('x-mine');
    expect(names).not.toContain('connection');
    expect(names).not.toContain('te');
    expect(request!.deadline).toBeGreaterThan(Date.now());
    expect(request!.trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  it('carries deadline and trace context as NATS headers too', async () => {
    const seen = Promise.withResolvers<[string | undefined, string | undefined]>();
    const spy = edge.bus.subscribe('sluice.route', (message) =>
      seen.resolve([message.header('traceparent'), message.header('Sluice-Deadline')]),
    );
    await edge.bus.flush();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await fetch(`${edge.url}/v1/orders/7`, { headers: { traceparent } });
    const [trace, deadline] = await seen.promise;
    spy.unsubscribe();
    expect(trace).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    expect(trace).not.toBe(traceparent);
    expect(deadline).toBe(String(edge.received[0]!.deadline));
    expect(edge.received[0]!.trace).toBe(trace);
  });

  it('gives repeated request fields on as they came', async () => {
    await rawRequest(edge.url, 'GET /v1/orders/7 HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n');
    expect(pairs(edge.received[0]!.headers).filter(([name]) => name === 'x-two')).toEqual([
      ['x-two', '1'],
      ['x-two', '2'],
    ]);
  });

  it('may name its own host in an absolute form', async () => {
    const response = await rawRequest(
      edge.url,
      'GET http://Gate.example:80/v1/orders/7?q HTTP/1.1\r\nHost: gate.example\r\n\r\n',
    );
    expect(response.status).toBe(200);
    expect(edge.received[0]).toMatchObject({ path: '/v1/orders/7', query: 'q' });
  });

  it('without a body leaves the connection open for the next; HTTP/1.0 does not', async () => {
    const client = await RawClient.open(edge.url);
    for (const id of ['1', '2']) {
      client.send(`GET /v1/orders/${id} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await client.response()).header('connection')).toBe('keep-alive');
    }
    client.send('GET /v1/orders/3 HTTP/1.0\r\n\r\n');
    expect((await client.response()).status).toBe(200);
    await client.ended();
    client.close();
  });
});

describe('request ids', () => {
  it('are taken over when they are safe, and made when they are not', async () => {
    const idOf = async (id?: string): Promise<string | null> => {
      const headers: Record<string, string> = id === undefined ? {} : { 'x-request-id': id };
      return (await fetch(`${edge.url}/v1/orders/7`, { headers })).headers.get('x-request-id');
    };
    expect(await idOf('order-7.a_b:c')).toBe('order-7.a_b:c');
    expect(edge.received.at(-1)!.id).toBe('order-7.a_b:c');
    expect(pairs(edge.received.at(-1)!.headers).filter(([name]) => name === 'x-request-id')).toEqual([
      ['x-request-id', 'order-7.a_b:c'],
    ]);
    const made = /^[0-9a-f]{32}$/;
    for (const bad of [undefined, 'a b', '"', 'x'.repeat(129), '<script>', '%0a', '-'])
      expect(await idOf(bad)).toMatch(made);
    expect(await idOf('x'.repeat(128))).toBe('x'.repeat(128));
    const twice = await rawRequest(
      edge.url,
      'GET /v1/orders/7 HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n\r\n',
    );
    expect(twice.header('x-request-id')).toMatch(made);
  });

  it('come from the gateway, whatever the backend says', async () => {
    edge.backend = () => ({ headers: ['x-request-id', 'theirs'] });
    const response = await rawRequest(
      edge.url,
      'GET /v1/orders/7 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n',
    );
    expect(response.headers.filter(([name]) => name === 'x-request-id')).toEqual([['x-request-id', 'mine']]);
  });
});

describe('methods', () => {
  it('HEAD answers like GET without the body', async () => {
    edge.backend = ({ method }) => ({ headers: ['x-method', method], body: Buffer.from('twelve bytes') });
    const client = await RawClient.open(edge.url);
    client.send('HEAD /v1/orders/7 HTTP/1.1\r\nHost: a\r\n\r\n');
    const response = await client.response({ head: true });
    expect(response.status).toBe(200);
    expect(response.header('content-length')).toBe('12');
    expect(response.header('x-method')).toBe('GET');
    // The next answer starts right after the head: no byte of a body came between.
    client.send('GET /v1/orders/7 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.response()).body.toString()).toBe('twelve bytes');
    client.close();
  });

  it('HEAD with a route of its own keeps the length that the backend names', async () => {
    edge.backend = ({ method }) => ({ headers: ['x-method', method, 'content-length', '123456'] });
    const response = await fetch(`${edge.url}/v1/size`, { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('123456');
    expect(response.headers.get('x-method')).toBe('HEAD');
  });

  it('HEAD of an error has no body either', async () => {
    const client = await RawClient.open(edge.url);
    client.send('HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/orders/7 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.response({ head: true })).status).toBe(404);
    expect((await client.response()).status).toBe(200);
    client.close();
  });

  it('HEAD of the stream is refused: it has no end, and so no length', async () => {
    const response = await fetch(`${edge.url}/v1/stream`, { method: 'HEAD' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, OPTIONS']);
  });

  it('OPTIONS tells what a path allows, and what the gateway does', async () => {
    const options = (target: string) => rawRequest(edge.url, `OPTIONS ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const path = await options('/v1/orders/7');
    expect([path.status, path.header('allow')]).toEqual([204, 'GET, HEAD, OPTIONS, PUT']);
    expect(path.header('content-length')).toBeUndefined();
    expect((await options('*')).header('allow')).toContain('PATCH');
    expect((await options('/docs')).header('allow')).toBe('GET, HEAD, OPTIONS');
    expect((await options('/nowhere')).status).toBe(404);
    expect(edge.received).toEqual([]);
  });

  it('405 names the methods that are allowed', async () => {
    const response = await fetch(`${edge.url}/v1/orders/7`, { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS, PUT');
    expect(await response.json()).toMatchObject({ code: 'method_not_allowed', status: 405 });
  });

  it('a route for any method takes them all, but never TRACE', async () => {
    edge.backend = ({ method }) => ({ body: Buffer.from(method) });
    for (const method of ['GET', 'PATCH', 'PURGE', 'OPTIONS'])
      expect(
        (await rawRequest(edge.url, `${method} /any/x HTTP/1.1\r\nHost: a\r\n\r\n`)).body.toString(),
      ).toBe(method);
    const trace = await rawRequest(edge.url, 'TRACE /any/x HTTP/1.1\r\nHost: a\r\n\r\n');
    expect([trace.status, trace.header('allow')]).toEqual([
      405,
      'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
    ]);
  });

  it('CONNECT gets a problem document, not a tunnel', async () => {
    const response = await rawRequest(edge.url, 'CONNECT other:443 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(response.status).toBe(405);
    expect(response.header('allow')).toContain('GET');
    expect(response.json()).toMatchObject({ code: 'method_not_allowed' });
  });
});

describe('refusals', () => {
  it.each([
    ['/nowhere', 404, 'not_found'],
    ['/v1/orders/', 404, 'not_found'],
    ['/v1/closed', 401, 'unauthorized'],
    ['/docs/nothing', 404, 'not_found'],
  ])('%s is %i %s, without a message', async (path, status, code) => {
    const response = await fetch(edge.url + path);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const id = response.headers.get('x-request-id');
    expect(await response.json()).toMatchObject({ status, code, request_id: id });
    expect(edge.received).toEqual([]);
  });
});

describe('the access record', () => {
  it('holds what is needed to find and to judge a request, and no query', async () => {
    edge.backend = () => ({ body: Buffer.from('12345') });
    await fetch(`${edge.url}/v1/orders/7?token=secret`, {
      method: 'PUT',
      body: 'abc',
      headers: {
        'x-request-id': 'record-1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
    });
    const record = await edge.recordOf('record-1');
    expect(record).toMatchObject({
      msg: 'request',
      method: 'PUT',
      route: 'put-order',
      path: '/v1/orders/7',
      status: 200,
      bytes_in: 3,
      bytes_out: 5,
      client: '127.0.0.1',
      request_id: 'record-1',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
    });
    expect(record['duration_ms']).toBeGreaterThanOrEqual(record['backend_ms'] as number);
    expect(JSON.stringify(record)).not.toContain('secret');
  });

  it('is written for requests that were refused before a route was known', async () => {
    const cases: [string, string, number][] = [
      ['GET /v1/../x?token=secret HTTP/1.1\r\nHost: a\r\nX-Request-Id: record-2\r\n\r\n', 'record-2', 400],
      [
        'GET http://u:secret@b/x?token=secret HTTP/1.1\r\nHost: a\r\nX-Request-Id: record-3\r\n\r\n',
        'record-3',
        400,
      ],
      ['GET /nowhere?token=secret HTTP/1.1\r\nHost: a\r\nX-Request-Id: record-4\r\n\r\n', 'record-4', 404],
    ];
    for (const [bytes, id, status] of cases) {
      await rawRequest(edge.url, bytes);
      const record = await edge.recordOf(id);
      expect(record).toMatchObject({ status, method: 'GET', client: '127.0.0.1' });
      expect(JSON.stringify(record)).not.toContain('secret');
    }
    const malformed = await rawRequest(edge.url, 'BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await edge.recordOf(malformed.header('x-request-id') as string)).toMatchObject({
      status: 400,
      route: 'malformed',
      code: 'bad_request',
    });
  });
});

describe('metrics', () => {
  it('count by route template, method and status class; unknown paths share one label', async () => {
    for (const path of ['/v1/orders/1', '/v1/orders/2', '/n/1', '/n/2', '/v1/%2e%2e/x'])
      await fetch(edge.url + path);
    await rawRequest(edge.url, 'GET /v1/%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n');
    const text = await edge.registry.metrics();
    expect(text).toMatch(
      /sluice_edge_requests_total\{route="\/v1\/orders\/\{id\}",method="GET",status="2xx"\} \d+/,
    );
    expect(text).toMatch(/sluice_edge_requests_total\{route="none",method="GET",status="4xx"\} \d+/);
    expect(text).toMatch(/sluice_edge_rejected_total\{reason="bad_path"\} \d+/);
    expect(text).toMatch(/sluice_edge_request_seconds_count\{route="\/v1\/orders\/\{id\}"\} \d+/);
    expect(text).not.toContain('/n/1');
    expect(text).not.toContain('/v1/orders/1"');
  });
});
