import type { Session } from './connection.ts';
import type { Database } from './database.ts';
import { housekeeping, locks } from './locks.ts';
import type { Row, Statement } from './statement.ts';

/**
 * The moment before which trades were ever dropped, as the database's clock has it. Its own policy drops days that ended
 * two days before what is kept, so one day before that is ahead of it, also of a writer that began before midnight.
 */
const effective = `greatest(
  ts, (floor(extract(epoch FROM now()) / 86400)::bigint - policy_days - 1) * 86400000)`;

export const horizonSql = `SELECT ${effective} AS ts FROM trade_horizon`;

/** Shared by all writers, each until its transaction ends, and taken from them by whoever is going to drop more. */
export const holdHorizon = `SELECT pg_advisory_xact_lock_shared(${locks.housekeeping}, ${housekeeping.horizon})`;

/**
 * The horizon of the database: the highest that there ever was, whatever the settings of this or another replica are
 * now. Candles from before it are complete, and a dropped trade that came once more would be counted twice in them.
 *
 * A transaction that writes trades holds the horizon and reads it after that; it is raised in a transaction of its own
 * before anything is dropped. So what a writer stores is never dropped behind its back. What is remembered here may be
 * late, which is safe, as the horizon only rises: it saves work for trades that the transaction would refuse anyway.
 */
export class Horizon {
  readonly #database: Database;
  #known: number | undefined;

  constructor(database: Database) {
    this.#database = database;
    // What comes back may be another database.
    database.onAway(() => this.forget());
  }

  /**
   * The horizon as last seen; asked for where nothing is known, over the writing connection: storing waits for no query.
   * Rejects with StoreError.
   */
  async recent(): Promise<number> {
    return this.#known ?? this.seen(horizonOf(await this.#database.session(({ run }) => run(readHorizon))));
  }

  /** The horizon at this moment. Rejects with StoreError. */
  async now(): Promise<number> {
    return this.seen(horizonOf(await this.#database.read(readHorizon)));
  }

  /** Somebody has read it. */
  seen(ts: number): number {
    this.#known = ts;
    return ts;
  }

  forget(): void {
    this.#known = undefined;
  }

  /** Before days that end here or earlier are dropped. Waits for writers that still go by the lower one. */
  async raise(ts: number): Promise<void> {
    await this.#database.upkeep.write(async (session) => {
      // It rises once a day, and upkeep comes every hour: writers are left alone the other times.
      if (horizonOf(await session.run(readHorizon)) >= ts) return;
      await takeHorizon(session);
      await session.run(raiseHorizon, [ts]);
    });
  }

  /** Before the database's own policy gets this retention, days: both it and the one in force until then count. */
  async announcePolicy(days: number): Promise<void> {
    await this.#database.upkeep.write(async (session) => {
      await takeHorizon(session);
      await session.run(announcePolicy, [days]);
    });
  }
}

/** With the change of the policy, in its transaction; null when there is none any more. What it has dropped stays out. */
export async function settlePolicy({ run }: Session, days: number | null): Promise<void> {
  await run(settle, [days]);
}

function horizonOf([row]: readonly Row[]): number {
  return Number((row as Row)[0]);
}

async function takeHorizon({ client }: Session): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1, $2)', [locks.housekeeping, housekeeping.horizon]);
}

const readHorizon: Statement = { name: 'horizon', text: horizonSql };
const raiseHorizon: Statement = {
  name: 'horizon_raise',
  text: 'UPDATE trade_horizon SET ts = greatest(ts, $1)',
};
const announcePolicy: Statement = {
  name: 'horizon_announce',
  text: 'UPDATE trade_horizon SET policy_days = least(policy_days, $1)',
};
const settle: Statement = {
  name: 'horizon_settle',
  text: `UPDATE trade_horizon SET ts = ${effective}, policy_days = $1`,
};
