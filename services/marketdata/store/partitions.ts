import type { Connection, Session } from './connection.ts';
import type { Database } from './database.ts';
import type { Horizon } from './horizon.ts';
import { housekeeping, locks } from './locks.ts';
import { dayMs, dayStart, dropHorizon } from './retention.ts';
import type { TradeTable } from './trade-table.ts';

/** Days made before they begin, so that midnight is nothing special. */
const daysAhead = 2;

/** Partitions made in one transaction: each takes several of the server's locks until the end. */
const daysAtOnce = 100;

/**
 * Trades on plain PostgreSQL: one range partition per UTC day, made ahead of time for today and the next days, on demand
 * for any other, and dropped after retention.
 */
export class Partitions implements TradeTable {
  readonly #database: Database;
  readonly #horizon: Horizon;
  readonly #retentionDays: number;
  readonly #known = new Set<number>();

  constructor(database: Database, horizon: Horizon, retentionDays: number) {
    this.#database = database;
    this.#horizon = horizon;
    this.#retentionDays = retentionDays;
  }

  async prepare(days: Iterable<number>): Promise<void> {
    await this.#make(days, this.#database.writer);
  }

  async maintain(now: number): Promise<void> {
    const today = dayStart(now);
    const { upkeep } = this.#database;
    await this.#make(
      Array.from({ length: daysAhead + 1 }, (_, ahead) => today + ahead * dayMs),
      upkeep,
    );
    const horizon = dropHorizon(now, this.#retentionDays);
    if (horizon === undefined) return;
    await this.#horizon.raise(horizon);
    await upkeep.session((session) => dropExpired(session, horizon));
    for (const day of this.#known) if (day + dayMs <= horizon) this.#known.delete(day);
  }

  forget(): void {
    this.#known.clear();
  }

  async #make(days: Iterable<number>, connection: Connection): Promise<void> {
    const missing = [...new Set(days)].filter((day) => !this.#known.has(day)).sort((a, b) => a - b);
    if (missing.length === 0) return;
    for (let at = 0; at < missing.length; at += daysAtOnce) {
      const days = missing.slice(at, at + daysAtOnce);
      await connection.write(async (session) => {
        await lock(session);
        const existing = await attached(session);
        for (const day of days) if (!existing.has(partitionName(day))) await create(session, day);
      });
      for (const day of days) this.#known.add(day);
    }
  }
}

function partitionName(day: number): string {
  return `trade_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

async function lock({ client }: Session): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1, $2)', [locks.housekeeping, housekeeping.partitions]);
}

async function attached({ run }: Session): Promise<Set<string>> {
  const rows = await run({
    name: 'partitions_attached',
    text: `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = 'trade'::regclass AND NOT i.inhdetachpending`,
  });
  return new Set(rows.map(([name]) => name as string));
}

/** Made apart and then attached: CREATE … PARTITION OF would lock readers out of the whole table, ATTACH does not. */
async function create({ client }: Session, day: number): Promise<void> {
  const name = partitionName(day);
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${name} (LIKE trade INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`,
  );
  await client.query(
    `ALTER TABLE trade ATTACH PARTITION ${name} FOR VALUES FROM (${day}) TO (${day + dayMs})`,
  );
}

/**
 * Drops the days before the horizon, also those that a process left detached, or half detached, when it was killed. One
 * replica at a time; the others pass. Detaching concurrently keeps readers and writers going, which a plain drop of an
 * attached partition does not; it waits for every transaction that has used the table, so the lock held meanwhile is not
 * the one that making partitions takes.
 */
async function dropExpired({ client, run }: Session, horizon: number): Promise<void> {
  const key = [locks.housekeeping, housekeeping.retention];
  const [taken] = await run({ name: 'retention_try', text: 'SELECT pg_try_advisory_lock($1, $2)' }, key);
  if (taken?.[0] !== true) return;
  try {
    const rows = await run(
      {
        name: 'partitions_expired',
        text: `SELECT c.relname, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false)
               FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
               WHERE c.relkind = 'r' AND c.relname ~ '^trade_[0-9]{8}$' AND c.relname < $1
                 AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'trade'::regclass)
               ORDER BY c.relname`,
      },
      [partitionName(horizon)],
    );
    for (const [name, isAttached, pending] of rows as [string, boolean, boolean][]) {
      if (pending) await client.query(`ALTER TABLE trade DETACH PARTITION ${name} FINALIZE`);
      else if (isAttached) await client.query(`ALTER TABLE trade DETACH PARTITION ${name} CONCURRENTLY`);
      await client.query(`DROP TABLE ${name}`);
    }
  } finally {
    await client.query('SELECT pg_advisory_unlock($1, $2)', key);
  }
}
