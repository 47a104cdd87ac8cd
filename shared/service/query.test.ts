import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseQuery } from './query.ts';

const none = new Set<string>();
const parse = (query: string, lists = none): Record<string, unknown> => ({ ...parseQuery(query, lists) });

describe('a query string', () => {
  test.each([
    ['', {}],
    ['a=1', { a: '1' }],
    ['a=1&b=2', { a: '1', b: '2' }],
    ['a=1&a=2&a=3', { a: ['1', '2', '3'] }],
    ['a', { a: '' }],
    ['a=', { a: '' }],
    ['=1', { '': '1' }],
    ['a=b=c', { a: 'b=c' }],
    ['&&a=1&', { a: '1' }],
    ['a+b=c+d%2B', { 'a b': 'c d+' }],
    ['caf%C3%A9=%F0%9F%90%9F', { café: '🐟' }],
  ])('%j is read as forms write it', (query, expected) => {
    expect(parse(query)).toEqual(expected);
  });

  test('gives a list for the names that are lists', () => {
    expect(parse('a=1&b=2', new Set(['a']))).toEqual({ a: ['1'], b: '2' });
  });

  test('may hold names that are special in JavaScript', () => {
    const values = parseQuery('__proto__=x&constructor=y&__proto__=z', none);
    expect(Object.entries(values)).toEqual([
      ['__proto__', ['x', 'z']],
      ['constructor', 'y'],
    ]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test.each(['a=%', '%zz=1', 'a=%C3', 'a=%ff'])('%j is refused for its escape', (query) => {
    expect(() => parseQuery(query, none)).toThrow(URIError);
  });

  test('agrees with URLSearchParams on everything that both take', () => {
    const values = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })));
    fc.assert(
      fc.property(values, (pairs) => {
        const params = new URLSearchParams(pairs);
        const expected: Record<string, unknown> = Object.create(null);
        for (const name of params.keys()) {
          const all = params.getAll(name);
          expected[name] = all.length === 1 ? all[0] : all;
        }
        expect({ ...parseQuery(params.toString(), none) }).toEqual({ ...expected });
      }),
    );
  });
});
