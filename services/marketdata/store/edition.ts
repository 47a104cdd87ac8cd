import type { Database } from './database.ts';

/**
 * What the database can do, found out at start:
 * - `community`: TimescaleDB with its own licence: hypertables, columnstore compression, retention policies;
 * - `apache`: TimescaleDB's Apache edition: hypertables, and the worker drops old chunks;
 * - `plain`: PostgreSQL alone: the worker makes and drops range partitions.
 */
export type Edition = 'community' | 'apache' | 'plain';

/** How the trades table is cut by time. Decided by the first migration; a table does not change its kind later. */
export type Layout = 'hypertable' | 'partitions';

/**
 * Finds the edition, and installs the extension into the database where the server has it loaded. A user who may not
 * do that gets the plain edition, and `report` is told.
 */
export async function findEdition(
  database: Database,
  report: (event: { detail: string; error?: unknown }) => void,
): Promise<Edition> {
  const offered = await database.session(({ run }) =>
    run({
      name: 'edition_offered',
      text: `SELECT 1 FROM pg_available_extensions e
             WHERE e.name = 'timescaledb' AND e.installed_version IS NULL
               AND current_setting('shared_preload_libraries') LIKE '%timescaledb%'`,
    }),
  );
  if (offered.length > 0) {
    try {
      await database.session(({ client }) => client.query('CREATE EXTENSION IF NOT EXISTS timescaledb'));
    } catch (error) {
      report({ detail: 'TimescaleDB is loaded but cannot be installed here: going on without it', error });
    }
  }
  const [row] = await database.session(({ run }) =>
    run({
      name: 'edition_licence',
      text: `SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
                    current_setting('timescaledb.license', true)`,
    }),
  );
  const [version, licence] = (row ?? []) as [string | null, string | null];
  if (version === null || licence === null) return 'plain';
  return licence === 'timescale' ? 'community' : 'apache';
}
