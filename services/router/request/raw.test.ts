import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/errors';
import type { BusMessage } from '@sluice/nats';
import type { WireRequest } from '@sluice/wire';
import { rawResponse } from './raw-reply.ts';
import { rawHeaders } from './raw-request.ts';
import { isServiceError, serviceErrorResponse } from './service-error.ts';

const request: WireRequest = {
  method: 'GET',
  path: '/v1/orders/42',
  route: 'orders.get',
  params: {},
  query: '',
  headers: [],
  body: Buffer.alloc(0),
  identity: null,
  client: '127.0.0.1',
  id: 'request-1',
  deadline: 5,
  trace: '',
};

/** A reply as the bus gives it; only what the codec reads. */
function reply(headers: string[], body = '', encoding: BufferEncoding = 'utf8'): BusMessage {
  return {
    data: Buffer.from(body, encoding),
    headerList: () => headers,
    header: (name: string) => headers.find((_, i) => i % 2 === 1 && headers[i - 1] === name),
  } as unknown as BusMessage;
}

describe('a raw request', () => {
  test('that has nothing more says method, path, id and deadline', () => {
    expect(rawHeaders(request, [], 7)).toEqual([
      'Sluice-Method',
      'GET',
      'Sluice-Path',
      '/v1/orders/42',
      'Sluice-Request-Id',
      'request-1',
      'Sluice-Deadline',
      '7',
    ]);
  });

  test('that asks who sent it is told the address that the edge has found out', () => {
    const headers = rawHeaders({ ...request, client: '2001:db8::1' }, ['x-forwarded-for'], 7);
    expect(headers.slice(-2)).toEqual(['Sluice-Header-x-forwarded-for', '2001:db8::1']);
  });

  test('carries query, parameters, caller, trace, content type and the fields asked for', () => {
    const full: WireRequest = {
      ...request,
      query: 'a=1&b=%20',
      params: { id: '42', rest: 'a b/c\n' },
      headers: [
        'content-type',
        'text/csv',
        'cookie',
        'a=1',
        'x-tenant',
        'one',
        'x-tenant',
        'two',
        'authorization',
        'secret',
      ],
      identity: { subject: 'käthe', kind: 'jwt', roles: [], scopes: [], tenant: null },
      trace: '00-1-2-01',
    };
    expect(rawHeaders(full, ['x-tenant', 'x-absent'], 7).slice(8)).toEqual([
      'Sluice-Query',
      'a=1&b=%20',
      'Sluice-Param-id',
      '42',
      'Sluice-Param-rest',
      'a b/c%0A',
      'Sluice-Subject',
      'k%C3%A4the',
      'traceparent',
      '00-1-2-01',
      'Content-Type',
      'text/csv',
      'Sluice-Header-x-tenant',
      'one',
      'Sluice-Header-x-tenant',
      'two',
    ]);
  });

  test('with a line break in a field is refused', () => {
    const evil = { ...request, headers: ['x-a', 'b\r\nSluice-Subject: root'] };
    expect(() => rawHeaders(evil, ['x-a'], 7)).toThrow(expect.objectContaining({ code: 'bad_request' }));
  });
});

describe('a raw reply', () => {
  test('without headers is 200 and JSON', () => {
    expect(rawResponse(reply([], '{"ok":true}'))).toEqual({
      status: 200,
      headers: ['content-type', 'application/json'],
      body: Buffer.from('{"ok":true}'),
    });
  });

  test('keeps repeated fields apart and in order, whatever the case of their names', () => {
    const response = rawResponse(
      reply([
        'sluice-status',
        '201',
        'Content-Type',
        'text/plain',
        'Sluice-Header-Set-Cookie',
        'a=1',
        'SLUICE-HEADER-SET-COOKIE',
        'b=2',
        'Sluice-Header-X-City',
        'Zürich',
        'X-Other',
        'no',
      ]),
    );
    expect(response.status).toBe(201);
    expect(response.headers).toEqual([
      'content-type',
      'text/plain',
      'set-cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'x-city',
      Buffer.from('Zürich').toString('latin1'),
    ]);
  });

  test('loses the fields that belong to the connection', () => {
    const names = [
      'Connection',
      'Transfer-Encoding',
      'Upgrade',
      'Keep-Alive',
      'TE',
      'Trailer',
      'Proxy-Connection',
    ];
    const headers = names.flatMap((name) => [`Sluice-Header-${name}`, 'x']);
    expect(rawResponse(reply(headers)).headers).toEqual(['content-type', 'application/json']);
  });

  test('to HEAD may say how long the answer to GET is', () => {
    expect(rawResponse(reply(['Sluice-Header-Content-Length', '7']), true).headers).toContain(
      'content-length',
    );
  });

  test('may name its type as a field; Content-Type counts more; 204 and 304 have none', () => {
    const wrapped = ['Sluice-Header-Content-Type', 'text/a'];
    expect(rawResponse(reply(wrapped)).headers).toEqual(['content-type', 'text/a']);
    expect(rawResponse(reply([...wrapped, 'Content-Type', 'text/b'])).headers).toEqual([
      'content-type',
      'text/b',
    ]);
    expect(rawResponse(reply(['Sluice-Status', '204'])).headers).toEqual([]);
    expect(rawResponse(reply(['Sluice-Status', '304'])).headers).toEqual([]);
  });

  test.each(['', '20', '2000', '199', '600', '-200', '2e2', 'OK', '100'])(
    'with status "%s" is nonsense',
    (status) => {
      expect(() => rawResponse(reply(['Sluice-Status', status]))).toThrow(
        expect.objectContaining({ code: 'bad_backend_response' }),
      );
    },
  );

  test.each([
    ['Sluice-Header-X Y', 'a'],
    ['Sluice-Header-', 'a'],
    ['Sluice-Header-X', 'a\u0000b'],
    ['Content-Type', 'a\u0001'],
  ])('with field %j: %j is nonsense', (name, value) => {
    expect(() => rawResponse(reply([name, value]))).toThrow(SluiceError);
  });
});

describe('an ADR-32 error', () => {
  const failed = (code: string, text = 'no such order', body = '', more: string[] = []) =>
    reply(['Nats-Service-Error', text, 'Nats-Service-Error-Code', code, ...more], body);
  const problem = (response: { body: Uint8Array }): unknown =>
    JSON.parse(Buffer.from(response.body).toString());

  test('is told by either of its headers', () => {
    expect(isServiceError(failed('404'))).toBe(true);
    expect(isServiceError(reply(['Nats-Service-Error-Code', '404']))).toBe(true);
    expect(isServiceError(reply(['Nats-Service-Error', 'broken']))).toBe(true);
    expect(isServiceError(reply([]))).toBe(false);
  });

  test('without a code is a failure of the server, whose text goes no further', () => {
    const response = serviceErrorResponse(reply(['Nats-Service-Error', 'SELECT * FROM secrets']), 'r1');
    expect(response.status).toBe(500);
    expect(problem(response)).toMatchObject({ status: 500, detail: 'The backend failed.' });
    const own = serviceErrorResponse(reply(['Nats-Service-Error', 'x'], '{"why":1}'), 'r1');
    expect([own.status, Buffer.from(own.body).toString()]).toEqual([500, '{"why":1}']);
  });

  test('of a client error is a problem document with the text of the backend', () => {
    const response = serviceErrorResponse(failed('404'), 'r1');
    expect(response.status).toBe(404);
    expect(problem(response)).toMatchObject({
      code: 'not_found',
      status: 404,
      detail: 'no such order',
      request_id: 'r1',
    });
  });

  test('of a server error does not tell what the backend said', () => {
    const response = serviceErrorResponse(failed('500', 'SELECT * FROM secrets'), 'r1');
    expect(response.status).toBe(500);
    expect(Buffer.from(response.body).toString()).not.toContain('secrets');
  });

  test('with a status that has no code of its own keeps the status', () => {
    const response = serviceErrorResponse(failed('418'), 'r1');
    expect(response.status).toBe(418);
    expect(problem(response)).toMatchObject({ type: 'about:blank', title: "I'm a Teapot", status: 418 });
  });

  test("with a payload is the backend's own answer, fields included", () => {
    const more = ['Content-Type', 'text/plain', 'Sluice-Header-Retry-After', '7'];
    expect(serviceErrorResponse(failed('503', 'x', 'later', more), 'r1')).toEqual({
      status: 503,
      headers: ['content-type', 'text/plain', 'retry-after', '7'],
      body: Buffer.from('later'),
    });
  });

  test.each(['', '0', '200', '302', '600', '1000', 'ERR_X'])('with code "%s" is a bad answer', (code) => {
    expect(() => serviceErrorResponse(failed(code || ' '), 'r1')).toThrow(
      expect.objectContaining({ code: 'bad_backend_response' }),
    );
  });
});

describe('the published vectors', () => {
  interface Vectors {
    requests: {
      name: string;
      wanted: string[];
      natsHeaders: string[];
      payload: string;
      request: WireRequest & { subject: string | null; body: string };
    }[];
    replies: {
      name: string;
      natsHeaders: string[];
      payload: string;
      response: { status: number; headers: string[]; body: string };
    }[];
    errors: { name: string; natsHeaders: string[]; payload: string; status: number; detail?: string }[];
  }
  const file = new URL('../../../shared/wire/vectors/raw.json', import.meta.url);
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

  test.each(vectors.requests)('request: $name', ({ wanted, natsHeaders, request: told }) => {
    const { subject, body, ...rest } = told;
    const full: WireRequest = {
      ...request,
      ...rest,
      body: Buffer.from(body, 'hex'),
      identity: subject === null ? null : { subject, kind: 'jwt', roles: [], scopes: [], tenant: null },
    };
    expect(rawHeaders(full, wanted, told.deadline)).toEqual(natsHeaders);
  });

  test.each(vectors.replies)('reply: $name', ({ natsHeaders, payload, response }) => {
    const { status, headers, body } = rawResponse(reply(natsHeaders, payload, 'hex'));
    expect({ status, headers, body: Buffer.from(body).toString('hex') }).toEqual(response);
  });

  test.each(vectors.errors)('error: $name', ({ natsHeaders, payload, status, detail }) => {
    const message = reply(natsHeaders, payload, 'hex');
    const answer = (): { status: number; body: Uint8Array } =>
      isServiceError(message) ? serviceErrorResponse(message, 'r1') : rawResponse(message);
    if (status === 502 && !natsHeaders.includes('502'))
      expect(answer).toThrow(expect.objectContaining({ status: 502 }));
    else {
      const { status: answered, body } = answer();
      expect(answered).toBe(status);
      if (detail !== undefined) expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ detail });
    }
  });
});
