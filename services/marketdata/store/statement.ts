import type { Pool, PoolClient } from 'pg';

/** A statement prepared once per connection under its name: planning it costs more than running it. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Values as the driver gives them: text for int8 and numeric, numbers for int4, booleans. */
export type Row = readonly unknown[];

/** Runs a prepared statement. Rejects with what the driver throws. */
export async function runOn(
  target: Pool | PoolClient,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  const { rows } = await target.query<unknown[]>({
    name: statement.name,
    text: statement.text,
    values: [...values],
    rowMode: 'array',
  });
  return rows;
}
