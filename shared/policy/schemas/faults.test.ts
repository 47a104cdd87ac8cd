import { describe, expect, test } from 'vitest';
import { checkDocument, faultSentence } from '../mod.ts';
import { checkRouteSchemas } from '../check/route-schemas.ts';
import { compileCheck } from './compile.ts';
import { checkSchema, type JsonSchema } from './json-schema.ts';
import { schemaFaults } from './faults.ts';

const sentences = (schema: unknown): string[] => schemaFaults(schema, 'exact').map(faultSentence);

/** Whether a router could use the schema. */
function compiles(schema: unknown): boolean {
  try {
    compileCheck(checkSchema(schema), 'exact');
    return true;
  } catch {
    return false;
  }
}

describe('what a router could not use is told before it is in force:', () => {
  test.each<[string, JsonSchema, string]>([
    [
      'look-ahead',
      { properties: { a: { pattern: '^(?=.*x)' } } },
      'properties.a.pattern: is a pattern that routers do not take: invalid or unsupported Perl syntax: `(?=`',
    ],
    ['a back-reference', { items: { pattern: '(a)\\1' } }, 'items.pattern: is a pattern that'],
    [
      'a name of properties',
      { patternProperties: { '(?!x)': true } },
      'patternProperties["(?!x)"]: is a pattern that',
    ],
    ['a pattern of a choice', { anyOf: [true, { pattern: '[' }] }, 'anyOf[1].pattern: is a pattern that'],
    ['a pattern that is too long', { pattern: 'a'.repeat(5_000) }, 'a pattern has more than 4096 characters'],
    [
      'a pattern behind a reference',
      { $ref: '#/$defs/a~1b', $defs: { 'a/b': { pattern: '\\k<x>' } } },
      '$defs',
    ],
    ['a reference to nothing', { items: { $ref: '#/$defs/x' } }, 'items["$ref"]: "#/$defs/x" is nowhere'],
    ['a reference elsewhere', { $ref: 'https://schemas.test/a' }, "a schema cannot be used: can't resolve"],
    ['a reference to itself', { properties: { a: { $ref: '#/properties/a' } } }, 'a schema cannot be used'],
    ['a choice of nothing', { enum: [] }, 'a schema cannot be used: enum must have non-empty array'],
    ['two schemas of one name', { $defs: { a: { $id: 'x' }, b: { $id: 'x' } }, $ref: 'x' }, 'cannot be used'],
  ])('%s', (_name, schema, sentence) => {
    expect(sentences(schema).join('\n')).toContain(sentence);
    expect(compiles(schema)).toBe(false);
  });

  test('a schema that is none, or that is too large', () => {
    expect(sentences({ properties: { a: { type: 'banana' } } })[0]).toMatch(
      /^properties\.a\.type: is no JSON Schema/,
    );
    expect(sentences({ enum: Array.from({ length: 20_001 }, (_, n) => n) })).toEqual([
      'a schema has more than 20000 values',
    ]);
  });
});

test.each<JsonSchema>([
  true,
  { pattern: '^[\\w.-]+@[\\p{L}]+$' },
  { properties: { next: { $ref: '#' } } },
  { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { type: 'string' } } },
  { $ref: '#/definitions/a%20b', definitions: { 'a b': { type: 'string' } } },
  { $ref: '#here', $defs: { a: { $anchor: 'here', minimum: 1 } } },
  // Nothing refers to it, so nothing compiles it.
  { $defs: { unused: { pattern: '(?=x)' } } },
  { enum: ['(?=x)'], const: '(?=x)', examples: [{ pattern: '(?=x)' }] },
  { properties: { pattern: { type: 'string' } } },
])('a router takes %j, and so does the check', (schema) => {
  expect(sentences(schema)).toEqual([]);
  expect(compiles(schema)).toBe(true);
});

test('the answer of a route is not checked, so its patterns only document', async () => {
  const schema = { query: { properties: { a: { pattern: '(?=x)' } } }, response: { pattern: '(?=x)' } };
  const checked = checkDocument({ routes: [{ id: 'a', path: '/a', subject: 'a.get', schema }] });
  const faults = checked.ok ? await checkRouteSchemas(checked.document) : [];
  expect(faults.map(({ path }) => path)).toEqual([
    ['routes', 0, 'schema', 'query', 'properties', 'a', 'pattern'],
  ]);
});
