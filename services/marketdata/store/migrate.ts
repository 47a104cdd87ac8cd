import { readdir, readFile } from 'node:fs/promises';
import type { Session } from './connection.ts';
import type { Database } from './database.ts';
import type { Edition, Layout } from './edition.ts';
import { StoreError } from './errors.ts';
import { housekeeping, locks } from './locks.ts';

const folder = new URL('migrations/', import.meta.url);
const fileName = /^(\d{4})-([a-z-]+)(?:\.(hypertable|partitions))?\.sql$/;

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly layout: Layout | undefined;
  readonly file: string;
}

/**
 * Brings the database to this version's schema: numbered files, each once, all in one transaction under an advisory
 * lock, so that replicas starting together do it once and a failure leaves nothing half done. A file that names a layout
 * is for that layout only. Resolves to the layout in use. A database that a newer version has migrated is refused.
 */
export async function migrate(database: Database, edition: Edition): Promise<Layout> {
  const migrations = await listMigrations();
  return await database.session(async (session) => {
    const { client } = session;
    await client.query('BEGIN');
    await client.query('SET LOCAL statement_timeout = 0');
    await client.query('SELECT pg_advisory_xact_lock($1, $2)', [locks.housekeeping, housekeeping.migrate]);
    await client.query(
      `CREATE TABLE IF NOT EXISTS schema_migration (
         number int PRIMARY KEY, name text NOT NULL, layout text NOT NULL,
         applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const layout = await apply(session, migrations, edition);
    await client.query('COMMIT');
    return layout;
  }, 0);
}

async function apply(
  { client, run }: Session,
  migrations: readonly Migration[],
  edition: Edition,
): Promise<Layout> {
  const rows = await run({
    name: 'migrations_done',
    text: 'SELECT number, layout FROM schema_migration ORDER BY number',
  });
  const done = new Set(rows.map(([number]) => number as number));
  const layout = (rows[0]?.[1] as Layout | undefined) ?? (edition === 'plain' ? 'partitions' : 'hypertable');
  const newest = Math.max(...migrations.map(({ number }) => number));
  const beyond = [...done].find((number) => number > newest);
  if (beyond !== undefined)
    throw new StoreError(
      'failed',
      `the database is at schema ${beyond}, newer than this version's ${newest}`,
    );
  for (const migration of migrations) {
    if (done.has(migration.number)) continue;
    if (migration.layout !== undefined && migration.layout !== layout) continue;
    await client.query(await readFile(new URL(migration.file, folder), 'utf8'));
    await client.query('INSERT INTO schema_migration (number, name, layout) VALUES ($1, $2, $3)', [
      migration.number,
      migration.name,
      layout,
    ]);
  }
  return layout;
}

async function listMigrations(): Promise<Migration[]> {
  const files = (await readdir(folder)).sort();
  return files.map((file) => {
    const match = fileName.exec(file);
    if (!match) throw new TypeError(`${file} is no migration: NNNN-name.sql or NNNN-name.layout.sql`);
    return {
      number: Number(match[1]),
      name: match[2] as string,
      layout: match[3] as Layout | undefined,
      file,
    };
  });
}
