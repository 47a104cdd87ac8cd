import { expect, test } from 'vitest';
import { fragmentTokens, jsonPointer, unescapeToken, valueAt } from './json-pointer.ts';

/** The document and the pointers of RFC 6901 sections 5 and 6. */
const document = {
  foo: ['bar', 'baz'],
  '': 0,
  'a/b': 1,
  'c%d': 2,
  'e^f': 3,
  'g|h': 4,
  'k"l': 6,
  ' ': 7,
  'm~n': 8,
};

test('pointers are written as the standard has them, and read back', () => {
  expect([[], ['foo', 0], [''], ['a/b'], ['m~n'], ['~1']].map(jsonPointer)).toEqual([
    '',
    '/foo/0',
    '/',
    '/a~1b',
    '/m~0n',
    '/~01',
  ]);
  for (const name of Object.keys(document)) expect(unescapeToken(jsonPointer([name]).slice(1))).toBe(name);
});

test('a reference into its own document leads where the standard says', () => {
  const found = (reference: string): unknown => valueAt(document, fragmentTokens(reference) ?? ['no']);
  expect(found('#')).toBe(document);
  const values = ['#/foo/0', '#/', '#/a~1b', '#/c%25d', '#/e%5Ef', '#/g%7Ch', '#/k%22l', '#/%20', '#/m~0n'];
  expect(values.map(found)).toEqual(['bar', 0, 1, 2, 3, 4, 6, 7, 8]);
  expect(found('#/c%d')).toBe(2);
  for (const nothing of ['#/toString', '#/foo/2', '#/foo/0/length'])
    expect(found(nothing), nothing).toBeUndefined();
  for (const other of ['', '/foo', '#foo', 'other.json#/foo']) expect(fragmentTokens(other)).toBeUndefined();
});
