import { gzipSync } from 'node:zlib';
import { connectBus, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  endpoint,
  reply,
  SluiceError,
  startService,
  z,
  type MicroService,
  type ServiceEvent,
} from './mod.ts';
import { call, json, wireRequest } from './testing/gateway.ts';

let nats: TestNats;
let bus: Bus;
let service: MicroService;
const events: ServiceEvent[] = [];

beforeAll(async () => {
  nats = await startNatsServer({ config: 'max_payload: 1MB' });
  bus = await connectBus({ servers: [nats.url], name: 'service test' });
  service = await startService(bus, {
    name: 'shop',
    version: '1.2.3',
    description: 'A shop for tests',
    report: (event) => events.push(event),
    endpoints: {
      get: endpoint({
        route: 'GET /v1/orders/{id}',
        summary: 'One order',
        params: z.object({ id: z.coerce.number().int() }),
        query: z.object({
          tag: z.array(z.string()).default([]),
          limit: z.coerce.number().max(10).optional(),
        }),
        headers: z.object({ 'x-shop': z.string().optional() }),
        handler: ({ params, query, headers, request }) => ({
          id: params.id + 1,
          tags: query.tag.map((tag) => tag.toUpperCase()),
          limit: query.limit?.toFixed(1),
          shop: headers['x-shop']?.length,
          request: request.id,
        }),
      }),
      create: endpoint({
        route: 'POST /v1/orders',
        summary: 'A new order',
        status: 201,
        body: z.strictObject({
          item: z.string().min(1),
          count: z.number().int(),
          note: z.string().optional(),
        }),
        exactNumbers: true,
        handler: async ({ body }) => ({ made: `${body.count} ${body.item}` }),
      }),
      bytes: endpoint({
        route: 'PUT /v1/bytes',
        summary: 'Bytes in, bytes out',
        handler: ({ body, headers, query }) =>
          reply({
            status: 299,
            headers: {
              'content-type': 'application/octet-stream',
              'set-cookie': ['a=1', 'b=2'],
              'x-n': headers.length,
            },
            body: query['twice'] === undefined ? body : Buffer.concat([body, body]),
          }),
      }),
      sheet: endpoint({
        route: 'PUT /v1/sheet',
        summary: 'A body that is not JSON, with a schema for readers of the reference',
        body: z.object({ rows: z.array(z.string()) }),
        bodyContentType: 'text/csv',
        handler: ({ request }) => ({ text: Buffer.from(request.body).toString() }),
      }),
      nothing: endpoint({ route: 'DELETE /v1/orders', summary: 'Nothing', handler: () => undefined }),
      fail: endpoint({
        route: 'GET /v1/fail/{how}',
        summary: 'Fails',
        handler: ({ params }) => {
          if (params['how'] === 'known') throw new SluiceError('conflict', 'The order is already paid.');
          if (params['how'] === 'bigint') return { n: 1n };
          if (params['how'] === 'function') return () => {};
          if (params['how'] === 'header') return reply({ headers: { a: 'b\r\nc: d' } });
          throw new Error('password=hunter2');
        },
      }),
      slow: endpoint({
        route: 'GET /v1/slow',
        summary: 'Waits for its signal',
        handler: async ({ signal, deadline }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
          expect(Date.now()).toBeGreaterThanOrEqual(deadline);
          throw signal.reason;
        },
      }),
      plain: endpoint({
        summary: 'Reachable on NATS only',
        body: z.object({ n: z.number() }),
        handler: ({ body }) => ({ twice: body.n * 2 }),
      }),
    },
  });
});

afterAll(async () => {
  await service?.stop();
  await bus?.close();
  await nats?.stop();
});

describe('an endpoint', () => {
  test('gets what its schemas made of path, query and headers, and its value leaves as JSON', async () => {
    const answer = await call(bus, 'shop.get', {
      params: { id: '41' },
      query: 'tag=a&tag=b+c&limit=3',
      headers: ['x-shop', 'one', 'x-shop', 'two'],
      id: 'request-1',
    });
    expect(answer.status).toBe(200);
    expect(answer.type).toBe('application/json');
    expect(answer.json()).toEqual({
      id: 42,
      tags: ['A', 'B C'],
      limit: '3.0',
      shop: 'one, two'.length,
      request: 'request-1',
    });
  });

  test('reads a body of another type itself, whatever its schema tells readers', async () => {
    const answer = await call(bus, 'shop.sheet', {
      method: 'PUT',
      headers: ['content-type', 'text/csv'],
      body: Buffer.from('a;b'),
    });
    expect(answer.json()).toEqual({ text: 'a;b' });
  });

  test('takes a field that is a list also when it comes once', async () => {
    const answer = await call(bus, 'shop.get', { params: { id: '1' }, query: 'tag=only' });
    expect(answer.json()['tags']).toEqual(['ONLY']);
  });

  test('gets its JSON body, and answers with the status of its definition', async () => {
    const answer = await call(bus, 'shop.create', json({ item: 'book', count: 2 }));
    expect([answer.status, answer.json()]).toEqual([201, { made: '2 book' }]);
  });

  test('sends bytes, repeated fields and odd statuses as they are', async () => {
    const body = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
    const answer = await call(bus, 'shop.bytes', { body, headers: ['a', 'b'] });
    expect(answer.status).toBe(299);
    expect(Buffer.compare(answer.body, body)).toBe(0);
    expect(answer.headers).toEqual([
      'content-type',
      'application/octet-stream',
      'set-cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'x-n',
      '2',
    ]);
  });

  test('that returns nothing answers 204 without a body', async () => {
    const answer = await call(bus, 'shop.nothing');
    expect([answer.status, answer.headers, answer.text]).toEqual([204, [], '']);
  });
});

describe('bad input', () => {
  test('is answered with every fault at once, and where it is', async () => {
    const answer = await call(bus, 'shop.get', { params: { id: 'x' }, query: 'limit=11', id: 'request-2' });
    expect(answer.status).toBe(400);
    expect(answer.type).toBe('application/problem+json');
    expect(answer.json()).toMatchObject({
      code: 'invalid_parameters',
      request_id: 'request-2',
      errors: [
        { in: 'path', pointer: '/id' },
        { in: 'query', pointer: '/limit' },
      ],
    });
  });

  test('names missing and unknown fields of a body', async () => {
    const answer = await call(bus, 'shop.create', json({ item: '', 'a/b~c': 1, extra: 2 }));
    expect(answer.json()['errors']).toEqual([
      { in: 'body', pointer: '/item', detail: expect.any(String) },
      { in: 'body', pointer: '/count', detail: 'is required' },
      { in: 'body', pointer: '/a~1b~0c', detail: 'is not known here' },
      { in: 'body', pointer: '/extra', detail: 'is not known here' },
    ]);
  });

  test('names numbers that would be rounded, where the endpoint asks for exact ones', async () => {
    const send = (text: string) => ({
      headers: ['content-type', 'application/json'],
      body: Buffer.from(text),
    });
    const answer = await call(bus, 'shop.create', send('{"item":"a","count":9007199254740993}'));
    expect(answer.json()['errors']).toEqual([
      { in: 'body', pointer: '/count', detail: 'has more digits than a JSON number keeps' },
    ]);
    expect((await call(bus, 'shop.create', send('{"item":"a","count":2.000}'))).status).toBe(201);
    const rounded = await bus.request('shop.plain', '{"n":1.0000000000000001}', {
      deadline: Date.now() + 5_000,
    });
    expect(rounded.json()).toEqual({ twice: 2 });
  });

  test.each([
    ['no body', {}],
    ['a body that is no JSON', { body: Buffer.from('{"a"') }],
    ['a body that is no UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]) }],
  ])('%s is a fault of the body as a whole', async (_name, part) => {
    const answer = await call(bus, 'shop.create', part);
    expect(answer.status).toBe(400);
    expect(answer.json()['errors']).toEqual([{ in: 'body', pointer: '', detail: expect.any(String) }]);
  });

  test('a body of another media type is 415', async () => {
    const body = Buffer.from('item=book');
    const headers = ['content-type', 'application/x-www-form-urlencoded'];
    expect((await call(bus, 'shop.create', { body, headers })).status).toBe(415);
    const suffix = ['content-type', 'application/vnd.shop+json; charset=utf-8'];
    const good = { ...json({ item: 'a', count: 1 }), headers: suffix };
    expect((await call(bus, 'shop.create', good)).status).toBe(201);
  });

  test('a compressed body is 415 that names the coding, as nothing is decoded', async () => {
    const coded = (...codings: string[]) => ({
      body: gzipSync('{"item":"book","count":2}'),
      headers: ['content-type', 'application/json', ...codings.flatMap((each) => ['content-encoding', each])],
    });
    for (const codings of [['gzip'], ['identity', 'GZIP'], ['identity, gzip']]) {
      const answer = await call(bus, 'shop.create', coded(...codings));
      expect(answer.status).toBe(415);
      expect(answer.json()['detail']).toContain('content coding gzip');
      expect(answer.headers).toEqual(expect.arrayContaining(['accept-encoding', 'identity']));
    }
    expect((await call(bus, 'shop.create', coded('x"\u0000'))).json()['detail']).not.toContain('"');
    const plain = { ...coded('identity'), body: Buffer.from('{"item":"book","count":2}') };
    expect((await call(bus, 'shop.create', plain)).status).toBe(201);
    // Who reads the bytes gets the bytes.
    const bytes = await call(bus, 'shop.bytes', coded('gzip'));
    expect(bytes.body).toEqual(coded().body);
  });

  test('a parameter that takes one value may come once, and the rest of its faults are told too', async () => {
    const answer = await call(bus, 'shop.get', {
      params: { id: '1' },
      query: 'limit=11&limit=2&tag=a&tag=b',
    });
    expect(answer.json()['errors']).toEqual([
      { in: 'query', pointer: '/limit', detail: 'may be given once' },
      { in: 'query', pointer: '/limit', detail: expect.stringContaining('10') },
    ]);
  });

  test('a bad escape in the query is a fault of that parameter', async () => {
    const answer = await call(bus, 'shop.get', { params: { id: '1' }, query: 'limit=%zz' });
    expect(answer.json()['errors']).toMatchObject([{ in: 'query', pointer: '/limit' }]);
  });

  test('with thousands of faults is answered with the first hundred', async () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`field${i}`, i]));
    const answer = await call(bus, 'shop.create', json(many));
    expect(answer.json()['errors']).toHaveLength(100);
    expect(answer.json()['detail']).toContain('4902 more');
  });
});

describe('a failing handler', () => {
  test('that throws a SluiceError answers its problem document', async () => {
    const answer = await call(bus, 'shop.fail', { params: { how: 'known' } });
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({ code: 'conflict', detail: 'The order is already paid.' });
  });

  test.each(['unknown', 'bigint', 'function', 'header'])(
    'answers 500, says nothing of the cause (%s) and reports it',
    async (how) => {
      const id = `request-${how}`;
      const answer = await call(bus, 'shop.fail', { params: { how }, id });
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain('hunter2');
      const event = events.find((each) => each.requestId === id);
      expect(event?.endpoint).toBe('fail');
      expect(event?.error.cause).toBeInstanceOf(Error);
    },
  );

  test('whose answer NATS cannot carry answers 502', async () => {
    const answer = await call(bus, 'shop.bytes', { query: 'twice', body: Buffer.alloc(600_000) });
    expect([answer.status, answer.json()['code']]).toEqual([502, 'bad_backend_response']);
  });
});

describe('a deadline', () => {
  test('that has passed is answered 504 and the handler is not started', async () => {
    const before = service.stats().endpoints.find(({ name }) => name === 'bytes')?.num_errors ?? 0;
    const answer = await call(bus, 'shop.bytes', { deadline: Date.now() - 1 });
    expect([answer.status, answer.json()['code']]).toEqual([504, 'deadline_exceeded']);
    expect(service.stats().endpoints.find(({ name }) => name === 'bytes')?.num_errors).toBe(before + 1);
  });

  test('aborts the signal when it passes', async () => {
    const answer = await call(bus, 'shop.slow', { deadline: Date.now() + 80 });
    expect([answer.status, answer.json()['code']]).toEqual([504, 'deadline_exceeded']);
  });
});

describe('a message that is no envelope', () => {
  test.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['JSON', '{"v":1}'],
    ['the unused byte of msgpack', Buffer.from([0xc1])],
    ['an array that claims two billion items', Buffer.from('dd7fffffff', 'hex')],
  ])('(%s) gets an ADR-32 error, and the service goes on', async (_name, payload) => {
    const answer = await bus.request('shop.get', payload, { deadline: Date.now() + 5_000 });
    expect(answer.header('Nats-Service-Error-Code')).toBe('502');
    expect(answer.header('Nats-Service-Error')).toContain('envelope');
    expect(answer.json()).toMatchObject({ status: 502, code: 'bad_backend_response' });
    expect((await call(bus, 'shop.get', { params: { id: '1' } })).status).toBe(200);
  });

  test('without a reply subject is ignored', async () => {
    const endpointOf = (): number =>
      service.stats().endpoints.find(({ name }) => name === 'get')!.num_requests;
    const before = endpointOf();
    bus.publish('shop.get', 'nobody waits');
    await until(() => endpointOf() === before + 1, { message: 'the message arrived' });
    expect((await call(bus, 'shop.get', { params: { id: '1' } })).status).toBe(200);
  });
});

describe('an endpoint without a route', () => {
  test('takes its JSON body as the payload and answers JSON', async () => {
    const answer = await bus.request('shop.plain', '{"n":21}', { deadline: Date.now() + 5_000 });
    expect(answer.json()).toEqual({ twice: 42 });
    expect(answer.header('Content-Type')).toBe('application/json');
    expect(answer.header('Sluice-Status')).toBeUndefined();
  });

  test('answers errors with the headers of ADR-32 and of the raw encoding', async () => {
    const answer = await bus.request('shop.plain', '{}', { deadline: Date.now() + 5_000 });
    expect(answer.header('Nats-Service-Error-Code')).toBe('400');
    expect(answer.header('Sluice-Status')).toBe('400');
    expect(answer.json()).toMatchObject({ code: 'invalid_parameters', errors: [{ pointer: '/n' }] });
  });

  test('honours a deadline in the headers', async () => {
    const options = { deadline: Date.now() + 5_000, headers: ['Sluice-Deadline', String(Date.now() - 1)] };
    const answer = await bus.request('shop.plain', '{"n":1}', options);
    expect(answer.header('Sluice-Status')).toBe('504');
  });
});

test('the schema subject answers what the endpoint takes and gives', async () => {
  const answer = await bus.request('sluice.schema.shop.create', '', { deadline: Date.now() + 5_000 });
  expect(answer.json()).toMatchObject({
    params: null,
    body: { type: 'object', required: ['item', 'count'], additionalProperties: false },
    summary: 'A new order',
    status: 201,
  });
});

test('a handler that is not asynchronous may also be called many times at once', async () => {
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, i) => call(bus, 'shop.get', wireRequest({ params: { id: String(i) } }))),
  );
  expect(answers.map((answer) => answer.json()['id'])).toEqual(answers.map((_, i) => i + 1));
});
