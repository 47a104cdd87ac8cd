import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Adoption } from './adoption.ts';
import { checkSchema, SchemaError } from '@sluice/policy/schemas';

function adopt(schema: unknown, name = 'body') {
  const adoption = new Adoption('orders.get');
  const root = adoption.component(checkSchema(schema), name);
  return { root, components: Object.fromEntries(adoption.components) };
}

test('a schema becomes a component, its definitions become components beside it', () => {
  expect(
    adopt({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'https://example.com/order',
      type: 'object',
      properties: { item: { $ref: '#/$defs/Item' }, old: { $ref: '#/definitions/Old' } },
      $defs: { Item: { type: 'string', $comment: 'x' }, Unused: { type: 'number' } },
      definitions: { Old: { type: 'integer' } },
    }),
  ).toEqual({
    root: { $ref: '#/components/schemas/orders.get.body' },
    components: {
      'orders.get.body': {
        type: 'object',
        properties: {
          item: { $ref: '#/components/schemas/orders.get.Item' },
          old: { $ref: '#/components/schemas/orders.get.Old' },
        },
      },
      'orders.get.Item': { type: 'string' },
      'orders.get.Old': { type: 'integer' },
    },
  });
});

test('a schema may refer to itself, to a part of itself, and through escapes', () => {
  const { components } = adopt({
    type: 'object',
    properties: {
      children: { type: 'array', items: { $ref: '#' } },
      same: { $ref: '#/properties/name' },
      name: { type: 'string' },
      odd: { $ref: '#/$defs/a~1b%25' },
    },
    $defs: { 'a/b%': { type: 'null' } },
  });
  expect(components['orders.get.body']).toMatchObject({
    properties: {
      children: { items: { $ref: '#/components/schemas/orders.get.body' } },
      same: { $ref: '#/components/schemas/orders.get.name' },
      odd: { $ref: '#/components/schemas/orders.get.a_b_' },
    },
  });
});

test.each([
  'https://evil.example/schema',
  'other.json#/a',
  '#/nowhere',
  '#anchor',
  '#/properties/a/type',
  '',
])('a reference to %j becomes "anything"', ($ref) => {
  const { components } = adopt({ properties: { a: { type: 'string' }, b: { $ref, title: 'B' } } });
  expect(components['orders.get.body']).toEqual({ properties: { a: { type: 'string' }, b: { title: 'B' } } });
});

test('only keywords are looked into: data and property names may look like them', () => {
  const schema = {
    properties: { $ref: { type: 'string' }, $defs: { type: 'string' } },
    enum: [{ $ref: '#/$defs/x' }],
    default: { $ref: 'https://evil.example' },
  };
  expect(adopt(schema).components['orders.get.body']).toEqual(schema);
});

test('what is in no vocabulary is left out', () => {
  expect(adopt({ type: 'string', nullable: true, 'x-secret': 1, discriminator: 5 }).components).toEqual({
    'orders.get.body': { type: 'string' },
  });
});

test('what cannot be together with the type is taken out, so that the document stays readable', () => {
  const adopted = (schema: object): unknown => adopt(schema).components['orders.get.body'];
  expect(adopted({ type: 'boolean', enum: ['true', 'false'] })).toEqual({ type: 'boolean' });
  expect(adopted({ type: ['integer', 'null'], enum: [1, 1.5, 'x', null] })).toEqual({
    type: ['integer', 'null'],
    enum: [1, null],
  });
  expect(adopted({ type: 'object', items: {}, properties: { a: true } })).toEqual({
    type: 'object',
    properties: { a: true },
  });
  expect(adopted({ type: 'array', items: true, properties: {} })).toEqual({ type: 'array', items: true });
  expect(adopted({ enum: [1, 'x'], items: {}, properties: {} })).toEqual({
    enum: [1, 'x'],
    items: {},
    properties: {},
  });
});

test('definitions of two parts with one name stay apart', () => {
  const adoption = new Adoption('a.b');
  adoption.component({ $ref: '#/$defs/X', $defs: { X: { type: 'string' } } }, 'body');
  adoption.component({ $ref: '#/$defs/X', $defs: { X: { type: 'number' } } }, 'response');
  expect([...adoption.components.keys()]).toEqual(['a.b.body', 'a.b.X', 'a.b.response', 'a.b.X_2']);
});

describe('a hostile schema is refused:', () => {
  test('too deep', () => {
    let deep: object = {};
    for (let i = 0; i < 100_000; i++) deep = { not: deep };
    expect(() => checkSchema(deep)).toThrow('nested deeper');
  });

  test('too many values', () => {
    expect(() => checkSchema({ enum: Array.from({ length: 50_000 }, (_, n) => n) })).toThrow('more than');
  });

  test('references that multiply', () => {
    // Every level is hoisted again from every level above it.
    let schema: Record<string, unknown> = { type: 'string' };
    for (let i = 0; i < 14; i++)
      schema = {
        properties: {
          a: schema,
          ...Object.fromEntries(
            Array.from({ length: 60 }, (_, n) => [
              `r${i}_${n}`,
              { $ref: `#${'/properties/a'.repeat((n % 14) + 1)}` },
            ]),
          ),
        },
      };
    expect(() => {
      const result = adopt(schema);
      expect(Object.keys(result.components).length).toBeLessThan(20_000);
    }).not.toThrow(RangeError);
  });

  test.each([
    5,
    'string',
    null,
    [],
    { type: 'banana' },
    { properties: [] },
    { minimum: 'x' },
    { items: [{}] },
  ])('not a schema: %j', (value) => expect(() => checkSchema(value)).toThrow(SchemaError));
});

test('whatever JSON comes, it is adopted or refused with a SchemaError', () => {
  const json = fc.letrec((tie) => ({
    schema: fc.oneof(
      { depthSize: 'small' },
      fc.boolean(),
      fc.dictionary(
        fc.constantFrom('type', '$ref', 'properties', 'items', 'allOf', '$defs', 'enum', '__proto__', 'not'),
        fc.oneof(
          tie('schema'),
          fc.array(tie('schema'), { maxLength: 3 }),
          fc.constantFrom('string', '#', '#/$defs/a', '#/not'),
        ),
        { maxKeys: 4 },
      ),
    ),
  })).schema;
  fc.assert(
    fc.property(json, (value) => {
      try {
        const { components } = adopt(JSON.parse(JSON.stringify(value)));
        for (const match of JSON.stringify(components).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
          expect(Object.keys(components)).toContain(match[1]);
      } catch (error) {
        expect(error).toBeInstanceOf(SchemaError);
      }
    }),
    { numRuns: 500 },
  );
});
