import { compileCheck, type JsonSchema } from '@sluice/policy/schemas';
import { describe, expect, test } from 'vitest';
import { headerSchema, headerTexts } from './header-schema.ts';

const takes = (schema: JsonSchema, headers: string[]): boolean =>
  compileCheck(headerSchema(schema).schema, 'coerced').first(headerTexts(headers));

const tenant = ['x-tenant', 'acme'];
const browser = ['host', 'shop.test', 'user-agent', 'Mozilla/5.0'];

describe('a field is asked for', () => {
  test.each<[string, JsonSchema]>([
    ['without properties', { required: ['x-tenant'] }],
    ['beside other properties', { required: ['x-tenant'], properties: { 'x-a': { type: 'string' } } }],
    [
      'in one case here and another there',
      { required: ['x-tenant'], properties: { 'X-Tenant': { minLength: 2 } } },
    ],
    ['in a part', { allOf: [{ required: ['X-Tenant'] }] }],
    ['in a choice', { anyOf: [{ required: ['X-Tenant'] }, { required: ['X-Group'] }] }],
    ['behind a reference', { $ref: '#/$defs/who', $defs: { who: { required: ['X-Tenant'] } } }],
    [
      'behind a reference to an older place',
      { $ref: '#/definitions/a', definitions: { a: { required: ['X-Tenant'] } } },
    ],
    ['because of another one', { dependentRequired: { Host: ['X-Tenant'] } }],
    [
      'because of another one, by a schema',
      { dependentSchemas: { 'User-Agent': { required: ['X-Tenant'] } } },
    ],
    ['where nothing else is', { if: { required: ['X-Key'] }, else: { required: ['X-Tenant'] } }],
    ['by its absence', { not: { not: { required: ['X-Tenant'] } } }],
  ])('%s', (_name, schema) => {
    expect(takes(schema, browser)).toBe(false);
    expect(takes(schema, [...browser, ...tenant])).toBe(true);
  });
});

describe('a value is checked', () => {
  const short = { minLength: 5 };
  test.each<[string, JsonSchema]>([
    ['in a part', { allOf: [{ properties: { 'X-Tenant': short } }] }],
    ['by a pattern of names', { patternProperties: { '^X-': short } }],
    [
      'where it is not named',
      { properties: { host: true, 'user-agent': true }, additionalProperties: short },
    ],
    [
      'behind a reference to a name',
      { properties: { 'X-Tenant': { $ref: '#/properties/X-Other' }, 'X-Other': short } },
    ],
    ['by two spellings', { properties: { 'X-Tenant': { minLength: 1 }, 'x-tenant': short } }],
  ])('%s', (_name, schema) => {
    expect(takes(schema, [...browser, ...tenant])).toBe(false);
    expect(takes(schema, [...browser, 'x-tenant', 'acme-inc'])).toBe(true);
    expect(takes(schema, browser)).toBe(true);
  });

  test('as one list where a field is repeated', () => {
    expect(
      takes({ properties: { 'X-A': { const: 'a, b, c' } } }, [
        'x-a',
        'a',
        'x-a',
        'b',
        'x-b',
        'x',
        'x-a',
        'c',
      ]),
    ).toBe(true);
  });
});

test('fields that a schema does not know are those of clients and proxies', () => {
  const closed = { properties: { 'X-Tenant': { type: 'string' } }, additionalProperties: false };
  expect(takes(closed, [...browser, ...tenant])).toBe(true);
  expect(takes({ allOf: [closed], unevaluatedProperties: false }, [...browser, ...tenant])).toBe(true);
});

test('two spellings of what is required with a field are required together', () => {
  const schema = { dependentRequired: { 'X-A': ['X-B'], 'x-a': ['X-C'] } };
  expect(takes(schema, ['x-a', '1', 'x-b', '1'])).toBe(false);
  expect(takes(schema, ['x-a', '1', 'x-b', '1', 'x-c', '1'])).toBe(true);
});

test('what a schema does not name is left as it is', () => {
  const schema = { title: 'Required', properties: { a: { enum: ['X', { required: ['Y'] }], default: 'X' } } };
  expect(headerSchema(schema)).toEqual({ schema, written: new Map([['a', 'a']]) });
  expect([headerSchema(true).schema, headerSchema(false).schema]).toEqual([true, false]);
});
