import { maxTs } from '@sluice/market';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseTime } from './time.ts';

it('reads integer milliseconds and ISO 8601 with and without time, fraction and offset', () => {
  const moment = Date.UTC(2024, 7, 8, 23, 54, 15, 342);
  const texts = [
    String(moment),
    '2024-08-08T23:54:15.342Z',
    '2024-08-08T23:54:15.342',
    '2024-08-08 23:54:15,342',
    '2024-08-08t23:54:15.342999z',
    '2024-08-09T01:54:15.342+02:00',
    // A plus sign that nobody escaped.
    '2024-08-09T01:54:15.342 0200',
    '2024-08-08T18:24:15.342-05:30',
  ];
  for (const text of texts) expect(parseTime(text), text).toBe(moment);
  expect(parseTime('2024-08-08')).toBe(Date.UTC(2024, 7, 8));
  expect(parseTime('2024-02-29T00:00')).toBe(Date.UTC(2024, 1, 29));
  expect(parseTime('0')).toBe(0);
  // Already 1970 in UTC.
  expect(parseTime('1969-12-31T23:00-02:00')).toBe(3_600_000);
  expect(parseTime(String(maxTs))).toBe(maxTs);
});

it('reads what JavaScript writes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: maxTs - 1 }), (ts) => {
      expect(parseTime(new Date(ts).toISOString())).toBe(ts);
      expect(parseTime(String(ts))).toBe(ts);
    }),
  );
});

it('refuses everything else', () => {
  const texts = [
    '',
    ' ',
    'now',
    '-1',
    '1.5',
    '1e12',
    '0x10',
    '17231612553420000',
    '2024-08',
    '08/08/2024',
    '2024-02-30',
    '2023-02-29',
    '2024-13-01',
    '2024-00-10',
    '2024-08-08T24:00',
    '2024-08-08T23:60',
    '2024-08-08T23:54:60',
    '2024-08-08T23',
    '2024-08-08T23:54:15+25:00',
    '1969-12-31',
    '2101-01-01',
    '2024-08-08T23:54:15Z ',
    '20240808T235415Z',
    '0000-01-01',
    // Years of two digits are no years of the twentieth century.
    '0001-01-01',
    '0070-01-01',
    '0099-12-31T23:59:59Z',
    '1970-01-01T00:00+02:00',
  ];
  for (const text of texts) expect(parseTime(text), text).toBeUndefined();
});
