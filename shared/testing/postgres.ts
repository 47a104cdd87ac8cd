import { randomBytes } from 'node:crypto';
import { mkdtemp, chmod, rm } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { freePort } from '../../scripts/local/free-port.ts';
import { postgresPrograms } from '../../scripts/local/postgres-programs.ts';
import { postgresUser } from '../../scripts/local/postgres-user.ts';
import {
  createCluster,
  embeddedDatabase,
  embeddedRole,
  startPostgresServer,
  type RunningPostgres,
} from '../../scripts/local/postgres.ts';
import { endWithProcess } from './children.ts';

/** A real PostgreSQL for tests. Port and data stay the same across restarts. */
export interface TestPostgres {
  /** Connection string of the database `sluice`, empty at the start. */
  readonly url: string;
  readonly pid: number;
  /** A new empty database on this server; answers its connection string. */
  createDatabase(): Promise<string>;
  /** Rows of one statement, for checks from outside. */
  query(sql: string, values?: unknown[], url?: string): Promise<Record<string, unknown>[]>;
  /** Ends the server but keeps its data, as an outage; `restart` brings it back. */
  pause(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a server of its own. Where an empty database is enough, `createDatabase` is cheaper: it shares one server. */
export async function startPostgres(): Promise<TestPostgres> {
  const user = await postgresUser();
  const programs = await postgresPrograms(user);
  const scratch = await mkdtemp(path.join(tmpdir(), 'sluice-postgres-'));
  await chmod(scratch, 0o711);
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const cluster = { directory: path.join(scratch, 'data'), programs, user };
  const password = randomBytes(12).toString('hex');
  await createCluster(cluster, password);

  const start = async (port: number): Promise<RunningPostgres> => {
    // Tests end with a process, not with a power cut.
    const settings = { fsync: 'off', synchronous_commit: 'off', max_connections: '200' };
    const server = await startPostgresServer(cluster, { port, settings });
    endWithProcess(server.child, 'SIGQUIT');
    return server;
  };
  const port = await freePort();
  let server = await start(port);
  const urlOf = (database: string): string =>
    `postgres://${embeddedRole}:${password}@127.0.0.1:${port}/${database}`;
  const url = urlOf(embeddedDatabase);
  let databases = 0;
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(scratch, { recursive: true, force: true });
  };
  return {
    url,
    get pid() {
      return server.pid;
    },
    createDatabase: async () => {
      const name = `test_${(databases += 1)}`;
      await queryOnce(url, `CREATE DATABASE ${name}`);
      return urlOf(name);
    },
    query: (sql, values, at = url) => queryOnce(at, sql, values),
    pause: () => server.stop(),
    restart: async () => {
      await server.stop();
      server = await start(port);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

let shared: Promise<TestPostgres> | undefined;

/** A new empty database on a server that this test process shares and that ends with it. */
export async function createDatabase(): Promise<string> {
  shared ??= startPostgres();
  return (await shared).createDatabase();
}

async function queryOnce(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql, values)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
