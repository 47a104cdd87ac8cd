import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketAfter, bucketCeil, bucketStart, intervalLength, intervals, isInterval } from './interval.ts';
import { maxTs } from './trade.ts';

const ts = fc.integer({ min: 0, max: maxTs - 1 });
const iso = (ms: number): string => new Date(ms).toISOString();

describe('intervals', () => {
  it('are the sixteen, told apart by case', () => {
    expect(intervals.join(' ')).toBe('1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M');
    for (const text of ['1H', '60', '', 'toString', '2m']) expect(isInterval(text), text).toBe(false);
  });

  it('begin where people expect it', () => {
    const moment = Date.UTC(2024, 7, 8, 23, 54, 15, 342); // a Thursday
    expect(iso(bucketStart('1s', moment))).toBe('2024-08-08T23:54:15.000Z');
    expect(iso(bucketStart('5m', moment))).toBe('2024-08-08T23:50:00.000Z');
    expect(iso(bucketStart('8h', moment))).toBe('2024-08-08T16:00:00.000Z');
    expect(iso(bucketStart('1d', moment))).toBe('2024-08-08T00:00:00.000Z');
    expect(iso(bucketStart('1w', moment))).toBe('2024-08-05T00:00:00.000Z');
    expect(iso(bucketStart('1M', moment))).toBe('2024-08-01T00:00:00.000Z');
    expect((bucketStart('3d', moment) / 86_400_000) % 3).toBe(0);
    expect(iso(bucketStart('1w', 0))).toBe('1969-12-29T00:00:00.000Z');
    expect(iso(bucketAfter('1M', Date.UTC(2024, 11, 1)))).toBe('2025-01-01T00:00:00.000Z');
    expect(iso(bucketAfter('1M', Date.UTC(2024, 0, 1), -2))).toBe('2023-11-01T00:00:00.000Z');
  });

  it('cover time without gap or overlap', () => {
    fc.assert(
      fc.property(fc.constantFrom(...intervals), ts, (interval, moment) => {
        const start = bucketStart(interval, moment);
        const next = bucketAfter(interval, start);
        expect(start).toBeLessThanOrEqual(moment);
        expect(next).toBeGreaterThan(moment);
        expect(bucketStart(interval, start)).toBe(start);
        expect(bucketStart(interval, next)).toBe(next);
        expect(bucketStart(interval, next - 1)).toBe(start);
        expect(bucketAfter(interval, next, -1)).toBe(start);
        expect(bucketCeil(interval, moment)).toBe(moment === start ? start : next);
        expect(intervalLength(interval) ?? next - start).toBe(next - start);
      }),
      { numRuns: 1_000 },
    );
  });
});
