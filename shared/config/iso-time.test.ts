import { expect, test } from 'vitest';
import { parseIsoTime } from './iso-time.ts';

test('a moment is read with its zone', () => {
  expect(parseIsoTime('1970-01-01T00:00Z')).toBe(0);
  expect(parseIsoTime('2027-01-31T00:00:00.5Z')).toBe(Date.UTC(2027, 0, 31) + 500);
  expect(parseIsoTime('2024-02-29T01:00:00+02:00')).toBe(Date.UTC(2024, 1, 28, 23));
});

test('anything else is none', () => {
  const others = [
    '7',
    '90',
    '2027',
    'may 5',
    '7 d',
    '2027-01-31',
    '2027-01-31T00:00:00',
    '2027-02-29T00:00Z',
  ];
  others.push(
    '2027-02-30T00:00Z',
    '2027-13-01T00:00Z',
    '2027-01-00T00:00Z',
    '2027-01-31T24:00Z',
    '2027-01-31T00:00+2',
  );
  for (const text of others) expect(parseIsoTime(text), text).toBeUndefined();
});
