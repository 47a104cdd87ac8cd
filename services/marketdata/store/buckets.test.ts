import { bucketStart, intervals, maxTs, type Interval } from '@sluice/market';
import { createDatabase } from '@sluice/testing';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bucketSql } from './candles-sql.ts';
import { Database } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = new Database({
    url: await createDatabase(),
    poolSize: 1,
    statementTimeoutMs: 10_000,
    report: () => {},
  });
});
afterAll(async () => {
  await database.close();
});

/** The same bucket by PostgreSQL's own calendar, independent of ours. */
function calendar(interval: Interval): string {
  const moment = `to_timestamp(ts / 1000) AT TIME ZONE 'UTC'`;
  const names: Record<string, string> = { s: 'second', m: 'minute', h: 'hour', d: 'day' };
  if (interval === '1M') return `date_trunc('month', ${moment})`;
  if (interval === '1w') return `date_trunc('week', ${moment})`;
  const step = `${interval.slice(0, -1)} ${names[interval.slice(-1)]}`;
  return `date_bin('${step}', ${moment}, '1970-01-01')`;
}

const edges = [Date.UTC(2024, 1, 29), Date.UTC(2023, 11, 31, 23, 59, 59, 999), Date.UTC(2000, 0, 1), 0];

it.each(intervals)('%s begins where PostgreSQL’s own calendar says, in SQL and in code', async (interval) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: maxTs - 1 }), { minLength: 200, maxLength: 200 }),
      async (random) => {
        const moments = [...random, ...edges];
        const rows = await database.read(
          {
            name: `buckets_${interval}`,
            text: `SELECT (${bucketSql(interval)})::float8,
                          (extract(epoch FROM ${calendar(interval)}) * 1000)::float8
                   FROM unnest($1::bigint[]) WITH ORDINALITY AS t(ts, n) ORDER BY n`,
          },
          [moments],
        );
        for (const [i, [sql, expected]] of rows.entries()) {
          expect(sql, `${interval} of ${moments[i]}`).toBe(expected);
          expect(bucketStart(interval, moments[i] as number)).toBe(expected);
        }
      },
    ),
    { numRuns: 5 },
  );
});
