import { describe, expect, test } from 'vitest';
import { checkDocument, documentSchema, faultSentence, type JsonSchema } from '../mod.ts';

/** Every fault as one sentence. */
function faultsOf(document: unknown): string[] {
  const result = checkDocument(document);
  return result.ok ? [] : result.faults.map(faultSentence);
}

const many = <Each>(count: number, each: (n: number) => Each): Each[] =>
  Array.from({ length: count }, (_, n) => each(n));
const named = (count: number, member: unknown): object =>
  Object.fromEntries(many(count, (n) => [`n${n}`, member]));
const addresses = (count: number): string[] =>
  many(count, (n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);

describe('a part takes its bound and nothing more:', () => {
  const limit = { limit: 1, window: '1s' };
  const issuer = { audience: ['a'], jwks: { file: 'f' } };
  const issuers = (count: number) =>
    Object.fromEntries(many(count, (n) => [`n${n}`, { ...issuer, issuer: `i${n}` }]));

  test.each<[string, number, (count: number) => unknown]>([
    ['overrides', 2_000, (count) => named(count, { cost: 2 })],
    ['services', 1_000, (count) => named(count, { paths: ['/'] })],
    ['issuers', 256, issuers],
    ['roles', 10_000, (count) => named(count, {})],
    ['limits', 10_000, (count) => named(count, limit)],
    ['quotas', 10_000, (count) => named(count, { limit: 1, period: 'day' })],
    ['cors', 1_000, (count) => named(count, { origins: ['*'] })],
    ['security_headers', 64, (count) => named(count, 'a')],
    ['consumers', 10_000, (count) => many(count, (n) => ({ id: `c${n}` }))],
    ['routes', 20_000, (count) => many(count, (n) => ({ id: `r${n}`, path: `/r${n}`, subject: 'r.get' }))],
  ])('%s', (part, most, make) => {
    expect(faultsOf({ [part]: make(most) })).toEqual([]);
    expect(faultsOf({ [part]: make(most + 1) })).toEqual([
      `${part}: must have at most ${most.toLocaleString('en')} entries, not ${(most + 1).toLocaleString('en')}`,
    ]);
  });

  test('an address list', () => {
    const lists = (count: number) => ({ addresses: { lists: { bad: addresses(count) }, deny: ['bad'] } });
    expect(faultsOf(lists(100_000))).toEqual([]);
    expect(faultsOf(lists(100_001))).toEqual([
      'addresses.lists.bad: must have at most 100,000 entries, not 100,001',
    ]);
  });

  test('whatever else is wrong with its members', () => {
    expect(faultsOf({ security_headers: named(65, 1) })).toContain(
      'security_headers: must have at most 64 entries, not 65',
    );
    expect(faultsOf({ roles: [] })).toEqual(['roles: must be an object, not a list']);
  });
});

test('every list and every part with members by name has a bound in the schema', () => {
  const unbounded: string[] = [];
  /** Below a schema that people write for their requests anything may be: the router has bounds for that. */
  const anything = (schema: JsonSchema): boolean =>
    Object.keys(schema.additionalProperties ?? {}).length === 0;
  const look = (place: string, schema: JsonSchema): void => {
    for (const form of schema.anyOf ?? []) look(place, form);
    for (const [name, member] of Object.entries(schema.properties ?? {})) look(`${place}.${name}`, member);
    if (schema.items) look(`${place}[]`, schema.items);
    if (schema['type'] === 'array' && schema['maxItems'] === undefined) unbounded.push(place);
    if (typeof schema.additionalProperties !== 'object' || anything(schema)) return;
    if (schema['maxProperties'] === undefined) unbounded.push(place);
    look(`${place}.*`, schema.additionalProperties);
  };
  look('', documentSchema());
  expect(unbounded).toEqual([]);
});
