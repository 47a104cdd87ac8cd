import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileCheck } from './compile.ts';
import { duplicate } from './unique-items.ts';

describe('items are equal', () => {
  test.each<[string, unknown[], [number, number] | null]>([
    ['by their members, in any order', [{ a: 1, b: [2] }, 5, { b: [2], a: 1 }], [0, 2]],
    ['by the value of a number', [0, 1, -0], [0, 2]],
    ['deep inside', [[{ a: { b: 1, c: 2 } }], [{ a: { c: 2, b: 1 } }]], [0, 1]],
    ['by the type as well', [1, '1', true, 'true', null, 'null', 'n1', [1], ['1'], {}, []], null],
    ['not by what joins them', [['a,b'], ['a', 'b'], ['a","b'], [['a'], 'b'], [['a', 'b']]], null],
    ['not by a name inside a name', [{ 'a":1,"b': 1 }, { a: 1, b: 1 }], null],
    [
      'by the order of a list',
      [
        [1, 2],
        [2, 1],
        [1, 2],
      ],
      [0, 2],
    ],
    ['not where one has more', [{ a: 1 }, { a: 1, b: 2 }, {}], null],
    ['not where one cannot be counted', [Infinity, null, -Infinity, 'Infinity'], null],
    ['in halves of a character too', ['\ud800', '\\ud800', '\udc00', '\ud800'], [0, 3]],
  ])('%s', (_name, items, pair) => expect(duplicate(items)).toEqual(pair));

  test('as JSON values are', () => {
    // `-0` has no place in JSON values of its own: the text gives `0`.
    const json = fc.jsonValue({ maxDepth: 3 }).map((value): unknown => JSON.parse(JSON.stringify(value)));
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(duplicate([a, b]) !== null).toBe(isDeepStrictEqual(a, b));
      }),
    );
  });
});

describe('the keyword', () => {
  /** Items that count how often somebody looks at what they hold. */
  function counted(length: number): { items: object[]; looks: () => number } {
    let looks = 0;
    const item = (n: number): object =>
      Object.defineProperty({}, 'a', { enumerable: true, get: () => (looks++, n) });
    return { items: Array.from({ length }, (_, n) => item(n)), looks: () => looks };
  }

  test.each([{ items: { type: 'object' } }, {}])('with %j looks at every item once', (more) => {
    const { first } = compileCheck({ type: 'array', uniqueItems: true, ...more }, 'exact');
    const { items, looks } = counted(2_000);
    expect(first(items)).toBe(true);
    expect(looks()).toBe(2_000);
  });

  test('says which items they are', () => {
    const check = compileCheck({ uniqueItems: true }, 'exact');
    expect(check.first([1, { a: 1 }, { a: 1 }])).toBe(false);
    expect(check.first.errors).toMatchObject([
      {
        keyword: 'uniqueItems',
        message: 'must NOT have duplicate items (items ## 1 and 2 are identical)',
        params: { i: 2, j: 1 },
      },
    ]);
    expect(compileCheck({ uniqueItems: false }, 'exact').first([1, 1])).toBe(true);
    expect(check.first('1')).toBe(true);
  });

  test('compares what texts count as', () => {
    const numbers = { properties: { n: { type: 'array', items: { type: 'integer' }, uniqueItems: true } } };
    const { first } = compileCheck(numbers, 'coerced');
    expect([first({ n: ['1', '2'] }), first({ n: ['1', '1'] }), first({ n: ['1', '1e0'] })]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
