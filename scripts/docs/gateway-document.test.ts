import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { documentSchema, formatFault, loadDocumentFile, type JsonSchema } from '@sluice/policy';
import { projectRoot } from './pages.ts';

const example = path.join(projectRoot, 'examples/gateway.yaml');
const validate = new Ajv2020({ strict: false }).compile(documentSchema());

describe('the example document', () => {
  test('is valid, and says nothing that is hardly meant', async () => {
    const loaded = await loadDocumentFile(example);
    expect(loaded.ok ? loaded.notes : loaded.faults.map(formatFault)).toEqual([]);
  });

  test('shows every member that there is', async () => {
    const document = parse(await readFile(example, 'utf8')) as object;
    const members = Object.keys(documentSchema().properties ?? {}).filter((name) => name !== '$schema');
    expect(Object.keys(document).toSorted()).toEqual(members.toSorted());
  });
});

describe('the JSON Schema for editors', () => {
  test('takes the example', async () => {
    const document: unknown = parse(await readFile(example, 'utf8'));
    validate(document);
    expect(validate.errors).toBeNull();
  });

  test.each([
    { routs: [] },
    { routes: [{ id: 'a', path: '/a' }] },
    { limits: { a: { limit: 1, window: 'soon' } } },
    { defaults: { auth: 'publik' } },
    { introspection: { a: { url: 'https://a.test', client_id: 'a', client_secret: 'hush' } } },
  ])('refuses %j', (document) => expect(validate(document)).toBe(false));

  test('describes every member', () => {
    const bare: string[] = [];
    const walk = (schema: JsonSchema, place: string): void => {
      for (const [name, member] of Object.entries(schema.properties ?? {})) {
        if (!member.description) bare.push(`${place}.${name}`);
        walk(member, `${place}.${name}`);
      }
      for (const form of schema.anyOf ?? []) walk(form, place);
      if (schema.items) walk(schema.items, `${place}[]`);
      if (typeof schema.additionalProperties === 'object') walk(schema.additionalProperties, `${place}.*`);
    };
    walk(documentSchema(), '');
    expect(bare).toEqual([]);
  });
});
