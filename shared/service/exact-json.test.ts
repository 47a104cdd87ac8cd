import { expect, test } from 'vitest';
import { isInexact, parseExactJson, parseVerbatimJson } from './exact-json.ts';

test.each([
  '9007199254740993',
  '9007199254740991.3',
  '1723161255342.0000001',
  '61837.6300000000000001',
  '-1.0000000000000001',
  '0.1000000000000000000000000001',
  '1e400',
  '1e-400',
  '123456789012345678e-3',
])('%s is more than a number holds, wherever it stands', (text) => {
  const parsed = parseExactJson(`{"a":[{"b":${text}}],"c":1.5}`) as { a: [{ b: unknown }]; c: number };
  expect(isInexact(parsed.a[0].b)).toBe(true);
  expect(parsed.c).toBe(1.5);
  expect(isInexact(parseExactJson(text))).toBe(true);
});

test.each([
  '0',
  '-0',
  '0.0000000000000000000',
  '0e9',
  '1.10',
  '1.50000000000000000000000',
  '61837.63',
  '9007199254740991',
  '9007199254740992',
  '100000000000000000000000',
  '1e21',
  '1.5E+3',
  '15e-1',
  '0.1',
  '5e-324',
  '1.7976931348623157e308',
])('%s is the number that it is', (text) => {
  expect(parseExactJson(`[${text}]`)).toEqual([Number(text)]);
});

test('texts that look like such numbers stay what they are', () => {
  const text = '{"9007199254740993":"9007199254740993","x":"1e400","__proto__":{"rawJSON":"1"}}';
  expect(parseExactJson(text)).toEqual(JSON.parse(text));
  expect(isInexact(parseExactJson('{"rawJSON":"12345678901234567890"}'))).toBe(false);
});

test.each(['', '{', '[12345678901234567890', '1234567890123456789e'])('%j is no JSON', (text) => {
  expect(() => parseExactJson(text)).toThrow(SyntaxError);
});

test('a million digits take no longer than their length', () => {
  const zeros = '0'.repeat(500_000);
  expect(isInexact(parseExactJson(`1${zeros}1`))).toBe(true);
  expect(isInexact(parseExactJson(`0.${zeros}1`))).toBe(true);
  expect(parseExactJson(`1.5${zeros}`)).toBe(1.5);
});

test('numbers that are only passed on are written as they came', () => {
  const text =
    '{"a":[1.10,9007199254740993,-0,1e3,1E400,0.5,7],"b":"1.10","__proto__":{"c":2.0},"d":{"rawJSON":"1.10"}}';
  expect(JSON.stringify(parseVerbatimJson(text))).toBe(text);
  expect(JSON.stringify(parseVerbatimJson('-0'))).toBe('-0');
  expect(() => parseVerbatimJson('{"a":1.1')).toThrow(SyntaxError);
});
