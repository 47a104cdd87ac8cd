/** The sixteen candle intervals and where their buckets begin, in UTC. */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Length in milliseconds; a month has none. Case matters: `1m` is a minute, `1M` a month. */
const lengths = {
  '1s': second,
  '1m': minute,
  '3m': 3 * minute,
  '5m': 5 * minute,
  '15m': 15 * minute,
  '30m': 30 * minute,
  '1h': hour,
  '2h': 2 * hour,
  '4h': 4 * hour,
  '6h': 6 * hour,
  '8h': 8 * hour,
  '12h': 12 * hour,
  '1d': day,
  '3d': 3 * day,
  '1w': 7 * day,
  '1M': null,
} as const;

export type Interval = keyof typeof lengths;

/** Shortest first. */
export const intervals = Object.keys(lengths) as readonly Interval[];

/** 1970-01-05 was the first Monday: weeks begin there. Everything else, three days too, counts from 1970-01-01. */
const firstMonday = 4 * day;

export function isInterval(text: string): text is Interval {
  return Object.hasOwn(lengths, text);
}

/** Length of every bucket in milliseconds; undefined for calendar months. */
export function intervalLength(interval: Interval): number | undefined {
  return lengths[interval] ?? undefined;
}

/** Start of the first bucket after the epoch: buckets of fixed length are counted from here. */
export function intervalOrigin(interval: Interval): number {
  return interval === '1w' ? firstMonday : 0;
}

/** Start of the bucket that holds `ts`. */
export function bucketStart(interval: Interval, ts: number): number {
  const length = lengths[interval];
  if (length === null) {
    const date = new Date(ts);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
  }
  const origin = intervalOrigin(interval);
  return origin + Math.floor((ts - origin) / length) * length;
}

/** Start of the bucket `count` after (negative: before) the one that begins at `start`. */
export function bucketAfter(interval: Interval, start: number, count: number = 1): number {
  const length = lengths[interval];
  if (length !== null) return start + count * length;
  const date = new Date(start);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + count, 1);
}

/** First bucket start at or after `ts`. */
export function bucketCeil(interval: Interval, ts: number): number {
  const start = bucketStart(interval, ts);
  return start === ts ? start : bucketAfter(interval, start);
}
