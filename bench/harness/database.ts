import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
// oxlint-disable-next-line no-restricted-imports -- what a query costs without Sluice is asked without Sluice
import { Client } from 'pg';
import { postgresPrograms } from '../../scripts/local/postgres-programs.ts';
import { postgresUser } from '../../scripts/local/postgres-user.ts';
import {
  createCluster,
  embeddedDatabase,
  embeddedRole,
  startPostgresServer,
} from '../../scripts/local/postgres.ts';

/** A PostgreSQL server for one scenario. */
export interface BenchDatabase {
  readonly pid: number;
  /** A new empty database; gives its connection string. */
  create(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts the embedded PostgreSQL with the settings that `npm start` gives it: every commit is on disk. */
export async function startDatabase(): Promise<BenchDatabase> {
  const user = await postgresUser();
  const programs = await postgresPrograms(user);
  const scratch = await mkdtemp(path.join(tmpdir(), 'sluice-bench-database-'));
  await chmod(scratch, 0o711);
  const cluster = { directory: path.join(scratch, 'data'), programs, user };
  const password = randomBytes(12).toString('hex');
  await createCluster(cluster, password);
  const server = await startPostgresServer(cluster);
  const killWithUs = (): boolean => server.child.kill('SIGQUIT');
  process.once('exit', killWithUs);
  const urlOf = (database: string): string =>
    `postgres://${embeddedRole}:${password}@127.0.0.1:${server.port}/${database}`;
  return {
    pid: server.pid,
    create: async (name) => {
      await withClient(urlOf(embeddedDatabase), (client) => client.query(`CREATE DATABASE ${name}`));
      return urlOf(name);
    },
    stop: async () => {
      await server.stop();
      process.removeListener('exit', killWithUs);
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** Runs queries on one connection and closes it. */
export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  // A lost connection fails the query that waits; as an event of its own it would end the run.
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
