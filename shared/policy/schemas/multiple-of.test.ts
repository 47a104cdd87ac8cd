import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileCheck } from './compile.ts';
import { isMultiple, readDivisor } from './multiple-of.ts';

test.each<[number, number]>([
  [19.99, 0.01],
  [1.13, 0.01],
  [0.07, 0.01],
  [-4.35, 0.01],
  [1.1, 0.1],
  [0.3, 0.1],
  [7, 0.5],
  [1e-7, 1e-8],
  [1.5e300, 1e-300],
  [1e308, 1e-17],
  [1e23, 10],
  [123_456_789.12, 0.01],
  [0, 0.01],
  [-0, 3],
  [0.75, 0.15],
  [9, 3],
])('%d is a multiple of %d', (value, divisor) => expect(isMultiple(value, readDivisor(divisor))).toBe(true));

test.each<[number, number]>([
  [19.991, 0.01],
  [0.075, 0.01],
  [1, 0.3],
  [1e-9, 1e-8],
  [1e300, 7],
  [1e300, 0.7],
  [5e-324, 1],
  [10, 1e23],
  [10, 3],
  [Infinity, 0.5],
  [1, Infinity],
  [Number.NaN, 0.5],
  [0.5, 0],
])('%d is no multiple of %d', (value, divisor) =>
  expect(isMultiple(value, readDivisor(divisor))).toBe(false),
);

test.each([
  [123_456_789_012_345_680, 0.01],
  [1e16, 0.03],
  [3e16, 0.03],
  [1e17, 0.07],
  [7e17, 0.07],
  [9_007_199_254_740_991, 0.1],
])('%d, beyond what is counted fast, is as good a multiple of %d as its digits say', (value, divisor) => {
  const cents = BigInt(value) * 100n;
  expect(isMultiple(value, readDivisor(divisor))).toBe(cents % BigInt(Math.round(divisor * 100)) === 0n);
});

test('decimals are multiples as whole numbers are, wherever the point is', () => {
  const whole = fc.integer({ min: -1_000_000_000, max: 1_000_000_000 });
  const places = fc.integer({ min: 0, max: 9 });
  fc.assert(
    fc.property(whole, fc.integer({ min: 1, max: 100_000 }), places, (value, divisor, after) => {
      const scaled = (n: number): number => Number(`${n}e-${after}`);
      expect(isMultiple(scaled(value), readDivisor(scaled(divisor)))).toBe(value % divisor === 0);
      expect(isMultiple(scaled(value * divisor), readDivisor(scaled(divisor)))).toBe(true);
    }),
  );
});

test('a schema asks for cents, and no more of them than there are', () => {
  const price = { properties: { price: { type: 'number', multipleOf: 0.01 } } };
  const exact = compileCheck(price, 'exact').first;
  const coerced = compileCheck(price, 'coerced').first;
  for (const value of [19.99, 1.13, 0.07, 4.35]) {
    expect(exact({ price: value })).toBe(true);
    expect(coerced({ price: String(value) })).toBe(true);
  }
  expect(exact({ price: 19.995 })).toBe(false);
  expect(exact.errors).toMatchObject([
    { keyword: 'multipleOf', message: 'must be multiple of 0.01', params: { multipleOf: 0.01 } },
  ]);
  expect(coerced({ price: '19.995' })).toBe(false);
});
