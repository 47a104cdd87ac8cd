import type { CounterSpec } from '@sluice/nats';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * Counters forbid an age of their own per message, so windows of similar length share a bucket whose age outlives the
 * eleven slots of its longest window. Usage is kept for a year and a month: what a bill or an argument needs.
 */
export const windowBuckets = [
  { name: 'ratelimit', longestWindowMs: minute, maxAgeMs: 2 * minute },
  { name: 'ratelimit_hour', longestWindowMs: hour, maxAgeMs: 2 * hour },
  { name: 'ratelimit_day', longestWindowMs: day, maxAgeMs: 2 * day },
] as const satisfies readonly (CounterSpec & { readonly longestWindowMs: number })[];

export const usageBucket = { name: 'usage', maxAgeMs: 400 * day } as const satisfies CounterSpec;

export type WindowBucket = (typeof windowBuckets)[number]['name'];

/** The bucket that counts windows of this length. Throws RangeError above a day. */
export function bucketOf(windowMs: number): WindowBucket {
  const found = windowBuckets.find(({ longestWindowMs }) => windowMs <= longestWindowMs);
  if (!found) throw new RangeError(`a window of ${windowMs} ms is longer than a day`);
  return found.name;
}
