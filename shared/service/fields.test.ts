import { TextMap, type WireRequest } from '@sluice/wire';
import { describe, expect, test } from 'vitest';
import { fieldsOf } from './fields.ts';
import { compileInput } from './input.ts';
import { endpoint, z } from './mod.ts';
import { queryFields } from './query-fields.ts';

const texts = z.array(z.string());

describe('one value is a list of one for an endpoint whose parameter', () => {
  test.each<[string, z.ZodObject]>([
    ['is a list', z.object({ symbol: texts })],
    ['is a list or null', z.object({ symbol: texts.nullable() })],
    ['is a list with a name', z.object({ symbol: texts.meta({ id: 'Symbols' }) })],
    ['is a list with a name, or null', z.object({ symbol: texts.meta({ id: 'MoreSymbols' }).nullish() })],
    ['is in a query with a name', z.object({ symbol: texts }).meta({ id: 'Filter' })],
    ['is one of two lists', z.object({ symbol: z.union([texts.max(1), texts.min(2)]) })],
    ['is a list by two conditions', z.object({ symbol: z.intersection(texts, texts.max(9)) })],
    ['is a list that becomes something else', z.object({ symbol: texts.transform((all) => all) })],
  ])('%s', (_name, query) => {
    const read = compileInput(endpoint({ summary: 's', query, handler: () => null }));
    const request = { params: new TextMap(), headers: [], body: new Uint8Array(0) };
    const asked = (text: string): unknown =>
      read({ ...request, query: text } as unknown as WireRequest).query;
    expect(asked('symbol=A')).toEqual({ symbol: ['A'] });
    expect(asked('symbol=A&symbol=B')).toEqual({ symbol: ['A', 'B'] });
  });
});

test.each([
  { properties: { a: { type: 'string' } } },
  { properties: { a: { anyOf: [{ type: 'string' }, { type: 'array' }] } } },
  { properties: { a: { type: ['array', 'integer'] } } },
  { properties: { a: true } },
  { properties: { a: { anyOf: [{ type: 'object' }, { type: 'null' }] } } },
  { properties: { a: { $ref: '#/$defs/none' } } },
  { properties: { a: { $ref: 'https://schemas.test/list' } } },
  { $ref: '#' },
  { $ref: '#/a/b', a: 5 },
  true,
  null,
])('%j has no lists', (schema) => expect([...queryFields(schema).lists]).toEqual([]));

test.each([
  { properties: { a: { type: ['array', 'null'] } } },
  { properties: { a: { $ref: '#/$defs/x%2Fy~1z' } }, $defs: { 'x/y/z': { type: 'array' } } },
  { allOf: [{ properties: { a: true } }, { properties: { a: { type: 'array' } } }] },
  {
    properties: { a: { $ref: '#/$defs/a' } },
    $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }, { type: 'array' }] } },
  },
])('%j has a list', (schema) => expect([...queryFields(schema).lists]).toEqual(['a']));

test('a text is known behind references and in choices, a choice with a list is none', () => {
  const text = { $ref: '#/$defs/text' };
  const properties = {
    a: text,
    b: { anyOf: [text, { type: 'null' }] },
    c: { allOf: [text, { minLength: 1 }] },
    d: { oneOf: [text, { type: 'array' }] },
    e: {},
  };
  const { texts, lists } = queryFields({ properties, $defs: { text: { type: 'string' } } });
  expect([[...texts], [...lists]]).toEqual([['a', 'b', 'c'], []]);
});

test('the members of a schema are those of all its parts', () => {
  const schema = {
    $ref: '#/$defs/page',
    allOf: [{ properties: { limit: { maximum: 5 }, side: {} }, required: ['side'] }, { $ref: '#' }],
    $defs: { page: { properties: { limit: { type: 'integer' } } } },
  };
  expect(Object.fromEntries(fieldsOf(schema))).toEqual({
    side: { schemas: [{}], required: true },
    limit: { schemas: [{ maximum: 5 }, { type: 'integer' }], required: false },
  });
});
