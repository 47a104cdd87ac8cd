import { describe, expect, test } from 'vitest';
import * as facts from './facts.ts';

describe('a timeout', () => {
  test.each([
    ['2s', 2_000],
    ['500ms', 500],
    ['1m', 60_000],
    ['1.5s', 1_500],
    [' 5m ', 300_000],
  ])('%s is %i ms', (text, ms) => expect(facts.timeout(text)).toBe(ms));

  test.each(['', '2', '0s', '-1s', '6m', '2 s', 'soon', '1e3ms', '0.0001s'])('"%s" is refused', (text) =>
    expect(() => facts.timeout(text)).toThrow(facts.FactError),
  );
});

describe('a subject', () => {
  test.each(['orders.get', 'a', 'v1.orders-2.x_y'])('%s is taken', (text) =>
    expect(facts.subject(text)).toBe(text),
  );

  test.each([
    ['orders.*', 'wildcard'],
    ['orders.>', 'wildcard'],
    ['orders..get', 'not a subject'],
    ['.orders', 'not a subject'],
    ['orders get', 'not a subject'],
    ['örders', 'not a subject'],
    ['$JS.API.STREAM.DELETE.MARKET', 'reserved'],
    ['_INBOX.abc', 'reserved'],
    ['sluice.route', 'reserved'],
    ['sluice.limit.lease', 'reserved'],
    ['market.trade.binance.BTCUSDT', 'reserved'],
    ['live.in.trades.BTCUSDT', 'reserved'],
    ['live.out.trades.BTCUSDT', 'reserved'],
    ['market.quote.binance.BTCUSDT', 'reserved'],
    ['audit.entry.key.create.x', 'reserved'],
    ['_R_.abc', 'reserved'],
  ])('%s is refused: %s', (text, reason) => expect(() => facts.subject(text)).toThrow(reason));

  test('of a schema is not reserved', () => {
    expect(facts.subject('sluice.schema.orders.get')).toBe('sluice.schema.orders.get');
  });
});

describe('method and path', () => {
  test('come in one text, the method may be missing', () => {
    expect(facts.methodAndPath('post /v1/orders')).toEqual({ method: 'POST', path: '/v1/orders' });
    expect(facts.methodAndPath('/v1/orders/{id}')).toEqual({ method: 'GET', path: '/v1/orders/{id}' });
    expect(facts.methodAndPath('* /files/{path...}')).toEqual({ method: '*', path: '/files/{path...}' });
  });

  test.each([
    'GET',
    'GET /a /b',
    'CONNECT /a',
    'TRACE /a',
    'G3T /a',
    'FOO /a',
    'GET a',
    'GET /a/../b',
    'GET /{a}/{a}',
  ])('"%s" is refused', (text) => expect(() => facts.methodAndPath(text)).toThrow(facts.FactError));
});

test('header names are lower case, sorted and unique', () => {
  expect(facts.headerNames(['X-Tenant', ' accept ', 'x-tenant'])).toEqual(['accept', 'x-tenant']);
  expect(() => facts.headerNames(['x tenant'])).toThrow('not a header field name');
  expect(() => facts.headerNames([''])).toThrow('not a header field name');
});

test('auth is public or methods, never both', () => {
  expect(facts.auth(['public'])).toBe('public');
  expect(facts.auth(['jwt', 'key', 'jwt'])).toEqual(['jwt', 'key']);
  expect(() => facts.auth(['public', 'jwt'])).toThrow('cannot be public');
  expect(() => facts.auth([''])).toThrow('no method');
  expect(() => facts.auth(['JWT'])).toThrow('no way to prove');
});

test('a body limit is a number of bytes', () => {
  expect(facts.bodyLimit('1024')).toBe(1024);
  expect(facts.bodyLimit(0)).toBe(0);
  for (const wrong of ['1k', '-1', 1.5, 1e9]) expect(() => facts.bodyLimit(wrong)).toThrow(facts.FactError);
});

test('messages quote foreign text without its control characters and without its length', () => {
  const error = (() => {
    try {
      facts.timeout(`\u001b[31m${'x'.repeat(500)}`);
    } catch (thrown) {
      return thrown as Error;
    }
    throw new Error('a bad timeout was taken');
  })();
  expect(error.message).not.toContain('\u001b');
  expect(error.message.length).toBeLessThan(200);
});

test('names, scopes and media types are kept once, and what is none is refused', () => {
  expect(facts.names(['a', 'b', 'a'])).toEqual(['a', 'b']);
  expect(() => facts.names(['a b'])).toThrow('is not a name');
  expect(facts.scopes(['orders:read', 'orders:read'])).toEqual(['orders:read']);
  expect(() => facts.scopes(['"'])).toThrow('is not a scope');
  expect(facts.mediaTypes(['Application/JSON', 'image/*'])).toEqual(['application/json', 'image/*']);
  expect(() => facts.mediaTypes(['json'])).toThrow('is not a media type');
});

test('a cost is a whole number of tokens', () => {
  expect(facts.cost('25')).toBe(25);
  for (const text of ['0', '-1', '1.5', '1001', 'many'])
    expect(() => facts.cost(text)).toThrow(facts.FactError);
});
