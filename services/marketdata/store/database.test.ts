import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { createDatabase, until } from '@sluice/testing';
import { afterEach, expect, it } from 'vitest';
import { Database } from './database.ts';
import type { StoreError } from './errors.ts';

/** A wire to the database that can be cut, or left open without anything passing: a machine that hangs. */
async function startWire(
  target: URL,
): Promise<{ url: string; freeze(): void; thaw(): void; cut(): void; stop(): void }> {
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((socket) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [socket, far],
      [far, socket],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (chunk) => {
        if (!frozen) to.write(chunk);
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    url: url.href,
    freeze: () => (frozen = true),
    thaw: () => (frozen = false),
    cut,
    stop: () => {
      server.close();
      cut();
    },
  };
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openThroughWire() {
  const wire = await startWire(new URL(await createDatabase()));
  cleanups.push(() => wire.stop());
  const database = openDatabase(wire.url, { statementTimeoutMs: 300, report: () => {} });
  await database.session(({ client }) => client.query('CREATE TABLE t (n int)'));
  return { wire, database };
}

function openDatabase(
  url: string,
  options: { statementTimeoutMs: number; report: (event: { detail: string }) => void },
): Database {
  const database = new Database({ url, poolSize: 2, ...options });
  cleanups.push(() => database.close());
  return database;
}

const one = { name: 'one', text: 'SELECT 1' };

async function failure(work: Promise<unknown>): Promise<StoreError> {
  return await work.then(
    () => {
      throw new Error('it worked');
    },
    (error: unknown) => error as StoreError,
  );
}

it('ends a query that takes too long, and stays healthy', async () => {
  const { database } = await openThroughWire();
  const error = await failure(database.read({ name: 'slow', text: 'SELECT pg_sleep(30)' }));
  expect(error.kind).toBe('timeout');
  expect(database.healthy).toBe(true);
  expect(await database.read(one)).toEqual([[1]]);
});

it('tells who waits too long for a connection that they are busy, and stays healthy', async () => {
  const reports: string[] = [];
  const database = openDatabase(await createDatabase(), {
    statementTimeoutMs: 60_000,
    report: ({ detail }) => reports.push(detail),
  });
  await database.read(one);
  const locked = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const holder = database.write(async ({ client }) => {
    await client.query('SELECT pg_advisory_xact_lock(1)');
    locked.resolve();
    await done.promise;
  });
  await locked.promise;
  // As many as there are connections, and none of them ends before the lock is given back.
  const slow = [1, 2].map(() =>
    database.read({ name: 'wait', text: 'SELECT pg_advisory_xact_lock_shared(1)' }),
  );
  expect((await failure(database.read(one))).kind).toBe('busy');
  expect(database.healthy).toBe(true);
  expect(reports).toEqual([]);
  done.resolve();
  await Promise.all([holder, ...slow]);
  expect(await database.read(one)).toEqual([[1]]);
});

it('gives up on a database that hangs, rolls the write back, and recovers by itself', async () => {
  const { wire, database } = await openThroughWire();
  const away: string[] = [];
  database.onAway(() => away.push('away'));
  await database.read(one);
  const write = failure(
    database.session(async ({ client }) => {
      await client.query('BEGIN');
      await client.query('INSERT INTO t VALUES (1)');
      wire.freeze();
      await client.query('COMMIT');
    }, 500),
  );
  expect((await write).kind).toBe('unavailable');
  expect((await failure(database.read(one))).kind).toBe('unavailable');
  expect(database.healthy).toBe(false);
  expect(away).toEqual(['away']);
  wire.thaw();
  wire.cut();
  await until(() => database.healthy, { timeoutMs: 20_000 });
  expect(await database.read({ name: 'count', text: 'SELECT count(*)::int FROM t' })).toEqual([[0]]);
});

it('survives connections that break, idle or in use', async () => {
  const { wire, database } = await openThroughWire();
  await database.read(one);
  wire.cut();
  await until(() => database.read(one).then(() => true));
  const sleeping = failure(database.write(({ client }) => client.query('SELECT pg_sleep(5)')));
  await until(async () => {
    const rows = await database.read({
      name: 'sleepers',
      text: `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(5)%' AND pid <> pg_backend_pid()`,
    });
    return rows.length > 0;
  });
  wire.cut();
  expect((await sleeping).kind).toBe('unavailable');
  await until(() =>
    database.write(({ client }) => client.query('INSERT INTO t VALUES (2)')).then(() => true),
  );
});
