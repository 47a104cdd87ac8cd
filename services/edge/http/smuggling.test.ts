import { RawClient, rawRequest, until } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

/** Requests that two servers could read differently, byte by byte. None may reach the router or leave a connection open. */
let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge();
  await edge.route({ id: 'any', method: '*', path: '/v1/{rest...}' });
  await edge.route({ id: 'root', path: '/' });
});
afterAll(() => edge.stop());
beforeEach(() => (edge.received.length = 0));

const host = 'Host: gate.example\r\n';
const post = (fields: string, body: string): string => `POST /v1/x HTTP/1.1\r\n${host}${fields}\r\n${body}`;
const get = (target: string, fields = host): string => `GET ${target} HTTP/1.1\r\n${fields}\r\n`;
const chunked = 'Transfer-Encoding: chunked\r\n';
const hidden = 'GET /v1/hidden HTTP/1.1\r\nHost: gate.example\r\n\r\n';

const malformed: Record<string, string> = {
  'both lengths, length first': post(`Content-Length: 6\r\n${chunked}`, `0\r\n\r\n${hidden}`),
  'both lengths, coding first': post(`${chunked}Content-Length: 6\r\n`, `0\r\n\r\n${hidden}`),
  'two lengths that differ': post('Content-Length: 0\r\nContent-Length: 44\r\n', hidden),
  'two lengths that agree': post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'),
  'a list of lengths': post('Content-Length: 3, 3\r\n', 'abc'),
  'a signed length': post('Content-Length: +3\r\n', 'abc'),
  'a negative length': post('Content-Length: -3\r\n', 'abc'),
  'a hexadecimal length': post('Content-Length: 0x3\r\n', 'abc'),
  'an empty length': post('Content-Length:\r\n', ''),
  'a length beyond 64 bits': post('Content-Length: 99999999999999999999999\r\n', 'abc'),
  'a space before the colon': post('Content-Length : 3\r\n', 'abc'),
  'chunked twice': post(`${chunked}${chunked}`, '0\r\n\r\n'),
  'chunked not last': post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'),
  'another coding before chunked': post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
  'an unknown coding': post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'),
  'the identity coding': post('Transfer-Encoding: identity\r\n', ''),
  'a vertical tab before chunked': post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'),
  'a space before the colon of a coding': post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
  'a tab before a coding': post('\tTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  'a coding with a parameter': post('Transfer-Encoding: chunked;q=1\r\n', '0\r\n\r\n'),
  'a coding in quotes': post('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n'),
  'a coding with a letter that looks alike': post('Transfer-Encoding: ch\xfcnked\r\n', '0\r\n\r\n'),
  'a coding behind an empty one': post('Transfer-Encoding: ,chunked\r\n', '0\r\n\r\n'),
  'a coding that Connection names': post(
    `Connection: transfer-encoding\r\nContent-Length: 5\r\n${chunked}`,
    `0\r\n\r\n${hidden}`,
  ),
  'a length in the middle of a list with a coding': post(`Content-Length: 0,${hidden.length}\r\n`, hidden),
  'a length with a vertical tab': post('Content-Length: 3\x0b\r\n', 'abc'),
  'a length with a fraction': post('Content-Length: 3.0\r\n', 'abc'),
  'a length with an exponent': post('Content-Length: 3e0\r\n', 'abc'),
  'a length in another script': post('Content-Length: \xb3\r\n', 'abc'),
  'a coding from HTTP/1.0': `POST /v1/x HTTP/1.0\r\n${host}${chunked}\r\n0\r\n\r\n`,
  'a folded field': get('/v1/x', `${host}X: a\r\n b\r\n`),
  'a folded coding': post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'),
  'a bare CR in a field': get('/v1/x', `${host}X: a\rContent-Length: 5\r\n`),
  'bare line feeds': 'GET /v1/x HTTP/1.1\nHost: gate.example\n\n',
  'a NUL in a field': get('/v1/x', `${host}X: a\0b\r\n`),
  'a field without a name': get('/v1/x', `${host}: a\r\n`),
  'a space in a field name': get('/v1/x', `${host}X y: a\r\n`),
  'no host': get('/v1/x', ''),
  'two hosts that agree': get('/v1/x', host + host),
  'two hosts that differ': get('/v1/x', `${host}Host: other.example\r\n`),
  'an empty host': get('/v1/x', 'Host:\r\n'),
  'a host with a space': get('/v1/x', 'Host: a b\r\n'),
  'a host with a path': get('/v1/x', 'Host: a/b\r\n'),
  'a host with user information': get('/v1/x', 'Host: u@gate.example\r\n'),
  'two hosts in one field': get('/v1/x', 'Host: gate.example, other.example\r\n'),
  'another host in the target': get('http://other.example/v1/x'),
  'a space in the target': get('/v1/a b'),
  'no slash at the start': get('v1/x'),
  'HTTP/1.2': `GET /v1/x HTTP/1.2\r\n${host}\r\n`,
  'HTTP/2.0 on the request line': `GET /v1/x HTTP/2.0\r\n${host}\r\n`,
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a method in lower case': `get /v1/x HTTP/1.1\r\n${host}\r\n`,
  'an unknown method': `BREW /v1/x HTTP/1.1\r\n${host}\r\n`,
  'the start of TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'an expectation that nobody can meet': get('/v1/x', `${host}Expect: 200-ok\r\n`),
};

describe('a malformed request gets a problem document and the connection ends', () => {
  it.each(Object.entries(malformed))('%s', async (_, bytes) => {
    const client = await RawClient.open(edge.url);
    client.send(bytes);
    const response = await client.response();
    expect(response.status).toBe(400);
    expect(response.header('content-type')).toBe('application/problem+json');
    expect(response.header('connection')).toBe('close');
    expect(response.json()).toMatchObject({ status: 400, request_id: response.header('x-request-id') });
    expect((await client.ended()).toString('latin1')).toBe('');
    client.close();
    expect(edge.received).toEqual([]);
  });
});

describe('a path trick gets a problem document', () => {
  it.each([
    '/v1/../admin',
    '/v1/%2e%2e/admin',
    '/v1/a%2Fb',
    '/v1/a%5Cb',
    '/v1/a\\b',
    '/v1//x',
    '//gate.example/v1/x',
    '/v1/a%00b',
    '/v1/a%0d%0aX:%20y',
    '/v1/%zz',
    '/v1/%ff',
    '/v1/a#b',
    '/v1/\x01',
    '/v1/caf\xe9',
    '/docs/../v1/x',
    '/docs/%2e%2e/package.json',
    '/docs/..%2fpackage.json',
  ])('%s', async (target) => {
    const response = await rawRequest(edge.url, get(target));
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ code: 'bad_path' });
    expect(edge.received).toEqual([]);
  });
});

describe('a broken chunked body', () => {
  it.each([
    ['a size that is no number', 'zz\r\nabc\r\n0\r\n\r\n'],
    ['a size with a space', '3 \r\nabc\r\n0\r\n\r\n'],
    ['more data than announced', '3\r\nabcdef\r\n0\r\n\r\n'],
    ['bare line feeds', '3\nabc\n0\n\n'],
    ['a size beyond 64 bits', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
    ['a signed size', '+3\r\nabc\r\n0\r\n\r\n'],
    ['a size with a prefix', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['no size', '\r\nabc\r\n0\r\n\r\n'],
    ['an extension that breaks the line', `3;a="\n${hidden}"\r\nabc\r\n0\r\n\r\n`],
    ['a carriage return alone', '3\rabc\r\n0\r\n\r\n'],
    ['no line end behind the data', `3\r\nabc0\r\n\r\n${hidden}`],
    ['a NUL in a trailer', '0\r\nX: \0\r\n\r\n'],
  ])('%s: 400, and nothing reaches a backend', async (_, body) => {
    const client = await RawClient.open(edge.url);
    client.send(post(chunked, body));
    const response = await client.response();
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ code: 'bad_request' });
    await client.ended();
    client.close();
    expect(edge.received).toEqual([]);
  });
});

describe('what is odd but well formed', () => {
  it.each([
    ['chunk extensions and trailers', post(chunked, '3;a=b\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n'), 'abc'],
    ['empty lines before the request', `\r\n\r\n${post('Content-Length: 3\r\n', 'abc')}`, 'abc'],
    [
      'an upgrade that nobody offers',
      post('Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n', 'a'),
      'a',
    ],
  ])('%s: served', async (_, bytes, body) => {
    edge.backend = (request) => ({ body: Buffer.from(request.body) });
    const response = await rawRequest(edge.url, bytes);
    expect([response.status, response.body.toString()]).toEqual([200, body]);
  });
});

describe('sizes', () => {
  it('a header section over the limit: 431, up to it: served', async () => {
    const filler = (bytes: number): string => `X: ${'a'.repeat(bytes - 'X: \r\n'.length)}\r\n`;
    const limit = 32 * 1024;
    const fits = await rawRequest(edge.url, get('/v1/x', host + filler(limit - host.length)));
    expect(fits.status).toBe(200);
    for (const bytes of [limit + 1 - host.length, 3 * limit, 8 * limit]) {
      const response = await rawRequest(edge.url, get('/v1/x', host + filler(bytes)));
      expect(response.status).toBe(431);
      expect(response.json()).toMatchObject({ code: 'headers_too_large' });
    }
  });

  it('many small fields count like one large one, and none is dropped', async () => {
    const fields = (count: number): string =>
      Array.from({ length: count }, (_, i) => `x-${i}: y\r\n`).join('');
    expect((await rawRequest(edge.url, get('/v1/x', host + fields(500)))).status).toBe(200);
    expect(edge.received[0]!.headers).toContain('x-499');
    // What an envelope holds is the limit, before that of bytes; node:http alone would drop fields without a word.
    expect((await rawRequest(edge.url, get('/v1/x', host + fields(2_200)))).status).toBe(431);
  });

  it('a target over the limit: 414', async () => {
    for (const bytes of [9_000, 60_000]) {
      const response = await rawRequest(edge.url, get(`/v1/${'a'.repeat(bytes)}`));
      expect([bytes, response.status]).toEqual([bytes, 414]);
      expect(response.json()).toMatchObject({ code: 'uri_too_long' });
    }
  });
});

describe('pipelining', () => {
  it('answers in the order of the requests, whatever the order of the backends', async () => {
    const slow = Promise.withResolvers<void>();
    edge.backend = async ({ path }) => {
      if (path === '/v1/slow') await slow.promise;
      else slow.resolve();
      return { body: Buffer.from(path) };
    };
    const client = await RawClient.open(edge.url);
    client.send(get('/v1/slow') + get('/v1/quick') + get('/v1/%2e%2e'));
    expect((await client.response()).body.toString()).toBe('/v1/slow');
    expect((await client.response()).body.toString()).toBe('/v1/quick');
    expect((await client.response()).status).toBe(400);
    client.close();
  });

  it('a malformed request does not overtake the answers before it', async () => {
    const release = Promise.withResolvers<void>();
    edge.backend = async ({ path }) => {
      if (path === '/v1/slow') await release.promise;
      return { body: Buffer.from(path) };
    };
    const client = await RawClient.open(edge.url);
    client.send(`${get('/v1/slow')}${get('/v1/quick')}BREW / HTTP/1.1\r\n\r\n`);
    const quick = (): boolean => edge.records.some((record) => record['path'] === '/v1/quick');
    await until(quick);
    release.resolve();
    expect((await client.response()).body.toString()).toBe('/v1/slow');
    expect((await client.response()).body.toString()).toBe('/v1/quick');
    expect((await client.response()).status).toBe(400);
    await client.ended();
    client.close();
  });
});
