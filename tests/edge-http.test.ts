import { connectBus, type Bus } from '@sluice/nats';
import { endpoint, reply, startService, z } from '@sluice/service';
import { rawRequest, startStack, until, type StackService, type TestStack } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let stack: TestStack;
let edge: StackService;
let bus: Bus;
beforeAll(async () => {
  stack = await startStack({ services: ['router', 'edge'], document: { defaults: { auth: 'public' } } });
  edge = stack.service('edge');
  bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  await startService(bus, {
    name: 'shop',
    version: '1.0.0',
    description: 'A backend for the tests',
    endpoints: {
      get: endpoint({
        route: 'GET /v1/orders/{id}',
        summary: 'One order',
        params: z.object({ id: z.string() }),
        handler: ({ params }) => ({ id: params.id }),
      }),
      echo: endpoint({
        route: 'POST /v1/echo',
        summary: 'Gives back what it is sent',
        handler: ({ request }) =>
          reply({ status: 201, headers: { 'set-cookie': ['a=1', 'b=2'] }, body: request.body }),
      }),
      secret: endpoint({
        route: 'GET /v1/secret',
        summary: 'Needs credentials',
        auth: ['key'],
        handler: () => ({ secret: true }),
      }),
    },
  });
  await until(async () => (await fetch(`${stack.gateway}/v1/secret`)).status === 401);
});
afterAll(async () => {
  await bus.close();
  await stack.stop();
});

const recordOf = (id: string) =>
  edge.process.waitForLog((line) => line.msg === 'request' && line['request_id'] === id, 10_000);

describe('a request through edge, router and backend', () => {
  it('is answered, and leaves a record that names it', async () => {
    const response = await fetch(`${stack.gateway}/v1/orders/a%20b?token=hidden`, {
      headers: {
        'x-request-id': 'bb-1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
    });
    expect([response.status, await response.json()]).toEqual([200, { id: 'a b' }]);
    expect(response.headers.get('x-request-id')).toBe('bb-1');
    const record = await recordOf('bb-1');
    expect(record).toMatchObject({
      level: 'info',
      service: 'edge',
      method: 'GET',
      route: 'shop.get',
      path: '/v1/orders/a%20b',
      status: 200,
      trace_id: '0af7651916cd43dd8448eb211c80319c',
    });
    expect(JSON.stringify(record)).not.toContain('hidden');
  });

  it('carries bytes up to the limit both ways, and repeated fields', async () => {
    const body = Buffer.alloc(1024 * 1024, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
    const send = (bytes: Buffer) =>
      fetch(`${stack.gateway}/v1/echo`, {
        method: 'POST',
        body: bytes as Buffer<ArrayBuffer>,
        headers: { 'content-type': 'application/octet-stream' },
      });
    const response = await send(body);
    expect(response.status).toBe(201);
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect((await send(Buffer.concat([body, body]))).status).toBe(413);
  });

  it('of a route that asks for credentials is refused, as long as none are known', async () => {
    const response = await fetch(`${stack.gateway}/v1/secret`, { headers: { authorization: 'Bearer x' } });
    expect([response.status, await response.json()]).toEqual([
      401,
      expect.objectContaining({ code: 'unauthorized' }),
    ]);
  });

  it('that is malformed is refused with a problem document and a record', async () => {
    const response = await rawRequest(
      stack.gateway,
      'POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(response.status).toBe(400);
    const { request_id: id } = response.json();
    expect(await recordOf(String(id))).toMatchObject({ status: 400, code: 'bad_request' });
  });
});

describe('the operations port', () => {
  it('tells that the edge is live and ready, and what it has done', async () => {
    expect((await fetch(`${edge.ops}/health/live`)).status).toBe(200);
    expect((await fetch(`${edge.ops}/health/ready`)).status).toBe(200);
    await (await fetch(`${stack.gateway}/v1/orders/7`)).arrayBuffer();
    const metrics = await (await fetch(`${edge.ops}/metrics`)).text();
    expect(metrics).toMatch(
      /sluice_edge_requests_total\{route="\/v1\/orders\/\{id\}",method="GET",status="2xx",service="edge"\} \d/,
    );
  });

  it('is not reachable through the gateway', async () => {
    for (const path of ['/metrics', '/health/live', '/health/ready'])
      expect((await fetch(stack.gateway + path)).status).toBe(404);
  });

  it('and NATS know the edge as an ADR-32 service', async () => {
    const answers = await bus.requestMany('$SRV.INFO.edge', '', { waitMs: 300 });
    expect(answers.map((answer) => answer.json())).toEqual([
      expect.objectContaining({
        name: 'edge',
        endpoints: [],
        metadata: expect.objectContaining({ gateway: stack.gateway }) as object,
      }),
    ]);
  });
});

describe('a WebSocket handshake that is none', () => {
  it.each([
    ['no key', 'Sec-WebSocket-Version: 13'],
    ['a bad key', 'Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13'],
    ['an old version', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 5'],
    [
      'a bad list',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a,,b',
    ],
  ])('(%s) is refused with a problem document and a record', async (what, fields) => {
    const id = `ws-${what.replaceAll(' ', '-')}`;
    const head = `GET /v1/stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Request-Id: ${id}\r\n`;
    const response = await rawRequest(stack.gateway, `${head}${fields}\r\n\r\n`);
    expect([response.status, response.header('content-type')]).toEqual([400, 'application/problem+json']);
    expect(response.header('sec-websocket-version')).toBe('13');
    expect(response.json()).toMatchObject({ code: 'bad_request', request_id: id });
    expect(await recordOf(id)).toMatchObject({ status: 400, code: 'bad_request' });
  });
});

describe('without NATS', () => {
  it('the edge says 503 at once and not ready, and recovers by itself', async () => {
    const ready = async () => (await fetch(`${edge.ops}/health/ready`)).status;
    await stack.nats.kill();
    await until(async () => (await ready()) === 503);
    const response = await fetch(`${stack.gateway}/v1/orders/7`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await fetch(`${edge.ops}/health/live`)).status).toBe(200);
    expect((await fetch(`${stack.gateway}/docs`)).status).toBe(200);
    await stack.nats.restart();
    await until(async () => (await ready()) === 200);
    await until(async () => (await fetch(`${stack.gateway}/v1/orders/7`)).status === 200, {
      timeoutMs: 20_000,
    });
    expect(edge.process.running).toBe(true);
  });
});
