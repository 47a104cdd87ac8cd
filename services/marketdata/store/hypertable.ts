import type { Database } from './database.ts';
import type { Edition } from './edition.ts';
import { settlePolicy, type Horizon } from './horizon.ts';
import { housekeeping, locks } from './locks.ts';
import { dayMs, dropHorizon } from './retention.ts';
import type { TradeTable } from './trade-table.ts';

export interface HypertableOptions {
  readonly edition: Exclude<Edition, 'plain'>;
  /** Whole days that trades are kept; 0 keeps them for ever. */
  readonly retentionDays: number;
  /** Days after which chunks are turned into columns (community edition); 0 never does. */
  readonly compressAfterDays: number;
}

/**
 * Trades on TimescaleDB, which makes chunks by itself. The community edition also compresses and drops them by its own
 * jobs, set up here from the settings; on the Apache edition the worker drops old chunks.
 */
export class Hypertable implements TradeTable {
  readonly #database: Database;
  readonly #horizon: Horizon;
  readonly #options: HypertableOptions;
  #policiesSet = false;

  constructor(database: Database, horizon: Horizon, options: HypertableOptions) {
    this.#database = database;
    this.#horizon = horizon;
    this.#options = options;
  }

  async prepare(): Promise<void> {
    // Chunks come into being with their first row.
  }

  async maintain(now: number): Promise<void> {
    if (this.#options.edition === 'community') {
      if (!this.#policiesSet) await this.#setPolicies();
      this.#policiesSet = true;
      return;
    }
    const horizon = dropHorizon(now, this.#options.retentionDays);
    if (horizon === undefined) return;
    await this.#horizon.raise(horizon);
    await this.#database.upkeep.write(async ({ client }) => {
      const { rows } = await client.query<{ taken: boolean }>(
        'SELECT pg_try_advisory_xact_lock($1, $2) AS taken',
        [locks.housekeeping, housekeeping.retention],
      );
      if (rows[0]?.taken)
        await client.query('SELECT drop_chunks($1::regclass, older_than => $2::bigint)', ['trade', horizon]);
    });
  }

  forget(): void {
    // Nothing is remembered of chunks.
  }

  /** Replaces what an earlier start with other settings has left, in one transaction under a lock. */
  async #setPolicies(): Promise<void> {
    const { retentionDays, compressAfterDays } = this.#options;
    if (retentionDays > 0) await this.#horizon.announcePolicy(retentionDays);
    await this.#database.upkeep.write(async (session) => {
      const { client } = session;
      await client.query('SELECT pg_advisory_xact_lock($1, $2)', [
        locks.housekeeping,
        housekeeping.retention,
      ]);
      await client.query("SELECT remove_retention_policy('trade', if_exists => true)");
      if (retentionDays > 0) {
        // Two days more than is kept: chunks go whole, and writers may still hold the horizon of yesterday.
        const after = (retentionDays + 2) * dayMs;
        await client.query(`SELECT add_retention_policy('trade', drop_after => ${after}::bigint)`);
      }
      await settlePolicy(session, retentionDays > 0 ? retentionDays : null);
      await client.query("CALL remove_columnstore_policy('trade', if_exists => true)");
      if (compressAfterDays > 0) {
        const { rows } = await client.query<{ on: boolean }>(
          `SELECT compression_enabled AS on FROM timescaledb_information.hypertables WHERE hypertable_name = 'trade'`,
        );
        if (!rows[0]?.on)
          await client.query(
            `ALTER TABLE trade SET (timescaledb.enable_columnstore,
               timescaledb.segmentby = 'market_id', timescaledb.orderby = 'ts DESC, key DESC')`,
          );
        const after = compressAfterDays * dayMs;
        await client.query(`CALL add_columnstore_policy('trade', after => ${after}::bigint)`);
      }
    });
  }
}
