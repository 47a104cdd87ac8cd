import { serveDriver } from '../harness/driver.ts';
import { withClient } from '../harness/database.ts';
import { percentile } from '../harness/stats.ts';

export interface SqlLoad {
  readonly url: string;
  /** Prepared once by the server. */
  readonly text: string;
  readonly values: readonly unknown[];
  readonly seconds: number;
  /** Rows that every answer must have. */
  readonly rows: number;
}

export interface SqlResult {
  readonly queries: number;
  /** Milliseconds. */
  readonly p50: number;
}

/** One query after another on one connection. */
function run({ url, text, values, seconds, rows }: SqlLoad): Promise<SqlResult> {
  return withClient(url, async (client) => {
    const times: number[] = [];
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until) {
      const began = performance.now();
      const result = await client.query({ name: 'bench', text, values: [...values], rowMode: 'array' });
      times.push(performance.now() - began);
      if (result.rows.length !== rows) throw new Error(`${result.rows.length} rows instead of ${rows}`);
    }
    return { queries: times.length, p50: percentile(times, 0.5) };
  });
}

const commands = { run };
export type SqlDriver = typeof commands;
serveDriver(commands);
