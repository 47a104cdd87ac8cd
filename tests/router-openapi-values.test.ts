import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStack, until, type TestStack } from '@sluice/testing';

type Json = Record<string, unknown>;

let stack: TestStack;

beforeAll(async () => {
  stack = await startStack({ services: ['router', 'edge', 'marketdata', 'admin'] });
});
afterAll(async () => {
  await stack.stop();
});

/** The document once both services are listed with their schemas, which each have a parameter of their own name. */
function wholeDocument(): Promise<Json & { components: Json }> {
  return until(
    async () => {
      const text = await (await fetch(`${stack.gateway}/openapi.json`)).text();
      const whole = text.includes('"name":"fill"') && text.includes('"name":"force"');
      return whole ? (JSON.parse(text) as Json & { components: Json }) : undefined;
    },
    { timeoutMs: 30_000 },
  );
}

/** Every schema below `value` that states a default or examples, with the way to it. A property may be called `default`. */
function stating(value: unknown, way: string, areNames = false): [way: string, schema: Json][] {
  if (typeof value !== 'object' || value === null) return [];
  const found: [string, Json][] = [];
  if (!areNames && ('default' in value || 'examples' in value)) found.push([way, value]);
  for (const [key, child] of Object.entries(value))
    found.push(...stating(child, `${way}/${key}`, key === 'properties'));
  return found;
}

test('every default and every example of the API document fits its own schema', async () => {
  const document = await wholeDocument();
  const { components } = document;
  const schemas = stating(document, '');
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const wrong: string[] = [];
  for (const [way, schema] of schemas) {
    // References begin at the root of the document.
    const whole = { components, allOf: [schema] };
    const values: unknown[] = Array.isArray(schema['examples']) ? [...schema['examples']] : [];
    if ('default' in schema) values.push(schema['default']);
    for (const value of values)
      if (!ajv.validate(whole, value)) wrong.push(`${way}: ${JSON.stringify(value)}`);
  }
  expect(wrong).toEqual([]);
  const stated = schemas.map(([, schema]) => JSON.stringify(schema['default'] ?? schema['examples']));
  expect(stated).toEqual(
    expect.arrayContaining(['100', 'false', '["1723161255342","2024-08-08T23:54:15.342Z"]']),
  );
});
