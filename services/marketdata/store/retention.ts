/** How long trades are kept. Candles and markets are kept for ever: they are small. */

export const dayMs = 86_400_000;

/** First moment whose trades are still taken, a UTC midnight; undefined when everything is kept (0 days). */
export function retentionHorizon(now: number, days: number): number | undefined {
  return days === 0 ? undefined : dayStart(now) - days * dayMs;
}

/**
 * Days that end here or earlier may be dropped: one day before the horizon, because a writer that asked for the horizon
 * just before midnight may still be writing. A trade for a day that is gone would come back alone and be counted twice
 * in its candle.
 */
export function dropHorizon(now: number, days: number): number | undefined {
  const horizon = retentionHorizon(now, days);
  return horizon === undefined ? undefined : horizon - dayMs;
}

export function dayStart(ts: number): number {
  return Math.floor(ts / dayMs) * dayMs;
}
