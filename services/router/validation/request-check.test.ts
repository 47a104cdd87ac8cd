import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { SluiceError, type FieldError } from '@sluice/errors';
import type { RouteSchemas } from '@sluice/routes';
import { decodeInput, encodeRequest, type WireRequest } from '@sluice/wire';
import { compileRequestCheck } from './request-check.ts';

function request(more: Partial<WireRequest> = {}): WireRequest {
  return {
    method: 'POST',
    path: '/v1/orders',
    route: 'orders.create',
    params: {},
    query: '',
    headers: [],
    body: Buffer.alloc(0),
    identity: null,
    client: '127.0.0.1',
    id: 'r',
    deadline: 0,
    trace: '',
    ...more,
  };
}

const body = (value: unknown): Partial<WireRequest> => ({
  headers: ['content-type', 'application/json; charset=utf-8'],
  body: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
});

/** What the check refuses, as lines; empty when it lets the request pass. */
function refused(
  schemas: RouteSchemas,
  more: Partial<WireRequest>,
  options: { bodyContentType?: string; contentTypes?: string[] } = {},
): string[] {
  const { check, readsHeaders } = compileRequestCheck({
    schemas,
    bodyContentType: options.bodyContentType ?? null,
    contentTypes: options.contentTypes ?? null,
  });
  try {
    // By way of the message, so that nothing is left undecoded that the check looks at.
    check(decodeInput(encodeRequest(request(more)), readsHeaders));
    return [];
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    if (error.code !== 'invalid_parameters') return [error.code];
    return (error.errors ?? []).map((each: FieldError) => `${each.in} ${each.pointer} ${each.detail}`);
  }
}

const query: RouteSchemas = {
  query: {
    type: 'object',
    properties: {
      limit: { type: 'integer', minimum: 1, maximum: 100 },
      price: { type: 'number' },
      open: { type: 'boolean' },
      symbol: { type: 'array', items: { type: 'string', pattern: '^[A-Z]+$' } },
      side: { enum: ['buy', 'sell'] },
    },
    required: ['limit'],
    additionalProperties: false,
  },
};

describe('a query', () => {
  test.each([
    'limit=5',
    'limit=5&price=1.5&open=true&side=buy',
    'limit=5&symbol=BTC',
    'limit=5&symbol=BTC&symbol=ETH',
  ])('%s fits', (text) => expect(refused(query, { query: text })).toEqual([]));

  test('is refused with every fault and its place', () => {
    expect(
      refused(query, { query: 'limit=0&price=cheap&open=maybe&symbol=btc&side=hold&x%2Fy=1' }).toSorted(),
    ).toEqual([
      'query /limit must be >= 1',
      'query /open must be boolean',
      'query /price must be number',
      'query /side must be one of "buy", "sell"',
      'query /symbol/0 must match pattern "^[A-Z]+$"',
      'query /x~1y is not known here',
    ]);
    expect(refused(query, {})).toEqual(['query /limit is required']);
    expect(refused(query, { query: 'limit=%GG' })).toEqual(['query /limit has a bad percent escape']);
    expect(refused(query, { query: 'limit=1&limit=2' })).toEqual(['query /limit may be given once']);
    expect(refused(query, { query: 'limit=0&limit=2&symbol=A&symbol=B' })).toEqual([
      'query /limit must be >= 1',
      'query /limit may be given once',
    ]);
  });

  test.each(['%207', '7%20', '%2B7', '007', '0x10', '0b1', '1.', '.5', 'Infinity', '%09'])(
    'with a number written as %s is refused: backends would read it in different ways',
    (text) => {
      expect(refused(query, { query: `limit=1&price=${text}` })).toEqual([
        'query /price must be a number as JSON writes it',
      ]);
      // As a text it is as good as any other.
      expect(refused({ query: { properties: { a: { type: 'string' } } } }, { query: `a=${text}` })).toEqual(
        [],
      );
    },
  );

  test.each(['0', '-0.5', '1e2', '10.25E-1'])('with a number written as %s fits', (text) =>
    expect(refused(query, { query: `limit=1&price=${text}` })).toEqual([]),
  );

  test.each(['1e400', '-1e400', '9'.repeat(400)])('with the number %s is refused: it is infinite', (text) => {
    const schemas = {
      query: {
        properties: {
          whole: { type: 'integer' },
          some: { type: 'number', minimum: -5, multipleOf: 0.5 },
          list: { type: 'array', items: { type: 'number' } },
          name: { type: 'string' },
        },
      },
    };
    const detail = 'is too large a number';
    expect(refused(schemas, { query: `whole=${text}` })).toEqual([`query /whole ${detail}`]);
    expect(refused(schemas, { query: `list=1&list=${text}` })).toEqual([`query /list ${detail}`]);
    expect(refused(schemas, { query: `some=${text}` })).not.toEqual([]);
    expect(refused(schemas, { query: `name=${text}` })).toEqual([]);
    const parts: RouteSchemas = { params: { properties: { id: { type: 'number' } } } };
    expect(refused(parts, { params: { id: text } })).toEqual([`path /id ${detail}`]);
  });

  test('looks at the numbers in lists too', () => {
    const lists = { query: { properties: { n: { type: 'array', items: { type: 'integer' } } } } };
    expect(refused(lists, { query: 'n=1&n=20' })).toEqual([]);
    expect(refused(lists, { query: 'n=1&n=0x20' })).toEqual(['query /n must be a number as JSON writes it']);
    expect(refused(lists, { query: 'n=0x20' })).toEqual(['query /n must be a number as JSON writes it']);
  });

  test('cannot name what objects inherit', () => {
    const schemas = {
      query: {
        type: 'object',
        properties: { a: { type: 'string' } },
        required: ['constructor'],
        additionalProperties: false,
      },
    };
    expect(refused(schemas, {})).toEqual(['query /constructor is required']);
    expect(refused(query, { query: 'limit=1&__proto__=x' })).toEqual(['query /__proto__ is not known here']);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('path parameters and headers', () => {
  const schemas: RouteSchemas = {
    params: { type: 'object', properties: { id: { type: 'integer' } } },
    headers: {
      type: 'object',
      properties: { 'X-Tenant': { type: 'string', minLength: 3 }, 'X-Count': { type: 'integer' } },
      required: ['X-Tenant'],
    },
  };

  test('count as what their schema asks for, names of fields in any case', () =>
    expect(
      refused(schemas, { params: { id: '17' }, headers: ['x-tenant', 'acme', 'x-count', '3', 'other', 'x'] }),
    ).toEqual([]));

  test('are refused together', () =>
    expect(refused(schemas, { params: { id: 'x' }, headers: ['x-count', 'many'] }).toSorted()).toEqual([
      'header /X-Count must be integer',
      'header /X-Tenant is required',
      'path /id must be integer',
    ]));

  test('are checked whatever form the schema of the fields has', () => {
    const parts: RouteSchemas = {
      headers: {
        required: ['x-tenant'],
        allOf: [{ required: ['X-Group'], properties: { 'X-Group': { type: 'integer' } } }],
        additionalProperties: false,
      },
    };
    const agent = ['user-agent', 'test'];
    expect(refused(parts, { headers: agent }).toSorted()).toEqual([
      'header /X-Group is required',
      'header /x-tenant is required',
    ]);
    expect(refused(parts, { headers: [...agent, 'x-tenant', 'acme', 'x-group', 'staff'] })).toEqual([
      'header /X-Group must be integer',
    ]);
    expect(refused(parts, { headers: [...agent, 'x-tenant', 'acme', 'x-group', '0x7'] })).toEqual([
      'header /X-Group must be a number as JSON writes it',
    ]);
    expect(refused(parts, { headers: [...agent, 'x-tenant', 'acme', 'x-group', '7'] })).toEqual([]);
  });
});

describe('a body', () => {
  const schemas: RouteSchemas = {
    body: {
      type: 'object',
      properties: {
        amount: { type: 'integer' },
        note: { type: 'string', format: 'date' },
        items: { type: 'array', items: { type: 'integer' } },
      },
      required: ['amount'],
      additionalProperties: false,
    },
  };

  test('that fits passes, and is not coerced', () => {
    expect(refused(schemas, body({ amount: 5, items: [1, 2] }))).toEqual([]);
    expect(refused(schemas, body({ amount: '5' }))).toEqual(['body /amount must be integer']);
    expect(refused(schemas, body('{"amount":1e999}'))).toEqual(['body /amount must be integer']);
  });

  test('is refused with every fault and its place', () =>
    expect(refused(schemas, body({ note: 'soon', items: [1, 'x', 2.5], more: 1 })).toSorted()).toEqual([
      'body /amount is required',
      'body /items/1 must be integer',
      'body /items/2 must be integer',
      'body /more is not known here',
      'body /note must match format "date"',
    ]));

  test('is required, is JSON, and is called so', () => {
    expect(refused(schemas, {})).toEqual(['body  is required']);
    expect(refused(schemas, body('{"amount":5'))).toEqual(['body  is not valid JSON in UTF-8']);
    expect(refused(schemas, { ...body({ amount: 5 }), headers: ['content-type', 'text/plain'] })).toEqual([
      'unsupported_media_type',
    ]);
    expect(
      refused(schemas, { ...body({ amount: 5 }), headers: ['content-type', 'application/merge-patch+json'] }),
    ).toEqual([]);
    expect(refused(schemas, { ...body({ amount: 5 }), headers: [] })).toEqual([]);
  });

  test('that is compressed is not read', () => {
    const coded = (coding: string) => ({
      headers: ['content-type', 'application/json', 'content-encoding', coding],
      body: gzipSync('{"amount":5}'),
    });
    expect(refused(schemas, coded('gzip'))).toEqual(['unsupported_media_type']);
    expect(refused(schemas, { ...coded('identity'), body: Buffer.from('{"amount":5}') })).toEqual([]);
    expect(refused({ query: true }, coded('gzip'))).toEqual([]);
  });

  test('of another type has no schema to fit where the route lists the type, or the endpoint takes no JSON', () => {
    const csv = { headers: ['content-type', 'text/csv'], body: Buffer.from('a,b') };
    expect(refused(schemas, csv, { contentTypes: ['text/csv', 'application/json'] })).toEqual([]);
    expect(refused(schemas, csv, { bodyContentType: 'text/csv' })).toEqual([]);
  });

  test('with ten thousand faults costs one, not ten thousand', () => {
    const items = Array.from({ length: 10_000 }, () => 'x');
    expect(refused(schemas, body({ amount: 1, items }))).toEqual(['body /items/0 must be integer']);
  });

  test('with more than a hundred faults lists a hundred', () => {
    const items = Array.from({ length: 150 }, () => 'x');
    expect(refused(schemas, body({ amount: 1, items }))).toHaveLength(100);
  });
});

describe('hostile JSON', () => {
  const anything: RouteSchemas = { body: true };
  test.each([
    ['a bomb of brackets', '['.repeat(500_000), 'is nested deeper than 64'],
    ['a bomb of objects', '{"a":'.repeat(65) + '1' + '}'.repeat(65), 'is nested deeper than 64'],
    ['a prototype key', '{"__proto__":{"admin":true}}', 'holds a key that names a prototype'],
    ['a prototype key in an escape', '{"a":[{"\\u005f_proto__":1}]}', 'holds a key that names a prototype'],
    [
      'a constructor with a prototype',
      '{"constructor":{"prototype":{"x":1}}}',
      'holds a key that names a prototype',
    ],
    ['a key twice', '{"a":"x:y","b":{"role":"admin","role":"guest"}}', 'holds a key twice'],
    ['a key twice, once in an escape', '[{"a":1,"\\u0061":2}]', 'holds a key twice'],
    ['two values', '1 2', 'is not valid JSON in UTF-8'],
    ['NaN', 'NaN', 'is not valid JSON in UTF-8'],
  ])('%s is refused', (_name, text, detail) =>
    expect(refused(anything, body(text))).toEqual([`body  ${detail}`]),
  );

  test('bytes that are no UTF-8 are refused', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0xaf, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
    ])
      expect(refused(anything, { ...body(''), body: Buffer.from(bytes) })).toEqual([
        'body  is not valid JSON in UTF-8',
      ]);
  });

  test.each([
    ['brackets inside text', JSON.stringify({ a: '['.repeat(1_000), b: '\\"{' })],
    ['sixty-four levels', '['.repeat(64) + ']'.repeat(64)],
    ['one key in several objects', '[{"a":{"a":[{"a":1},{"a":":"}]}},{},null,{"":[],"b":"\\":"}]'],
    ['a member called constructor', '{"constructor":"Acme Ltd"}'],
    ['a value that names a prototype', '{"a":"__proto__"}'],
  ])('%s passes', (_name, text) => expect(refused(anything, body(text))).toEqual([]));

  test('a pattern that would take a backtracking engine for ever is answered', () => {
    const schemas = { body: { type: 'string', pattern: '^(a+)+$' } };
    expect(refused(schemas, body(JSON.stringify(`${'a'.repeat(20_000)}b`)))).toEqual([
      'body  must match pattern "^(a+)+$"',
    ]);
    expect(refused(schemas, body(JSON.stringify('a'.repeat(20_000))))).toEqual([]);
  });

  test('a schema that refers to itself ends at the depth bound', () => {
    const schemas = {
      body: { $defs: { list: { type: 'array', items: { $ref: '#/$defs/list' } } }, $ref: '#/$defs/list' },
    };
    expect(refused(schemas, body('[[[]]]'))).toEqual([]);
    expect(refused(schemas, body(`${'['.repeat(60)}1${']'.repeat(60)}`))).toEqual([
      `body ${'/0'.repeat(60)} must be array`,
    ]);
  });
});

describe('schemas', () => {
  test.each([
    ['of no kind', { body: 5 }],
    ['with a pattern that looks around', { body: { pattern: '(?=a)b' } }],
    ['with a reference to nowhere', { body: { $ref: '#/$defs/none' } }],
    ['with a reference to another place', { body: { $ref: 'https://schemas.example.com/order.json' } }],
  ])('%s cannot be compiled', (_name, schemas) =>
    expect(() => compileRequestCheck({ schemas, bodyContentType: null, contentTypes: null })).toThrow(
      /schema/,
    ),
  );

  test('with the same $id do not disturb each other', () => {
    const schema = (type: string): RouteSchemas => ({ body: { $id: 'https://example.com/same', type } });
    expect(refused(schema('string'), body('"a"'))).toEqual([]);
    expect(refused(schema('integer'), body('1'))).toEqual([]);
    expect(refused(schema('string'), body('1'))).toEqual(['body  must be string']);
  });
});
