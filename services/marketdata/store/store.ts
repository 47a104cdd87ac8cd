import { setTimeout as delay } from 'node:timers/promises';
import { Candles } from './candles.ts';
import { Database, type DatabaseOptions } from './database.ts';
import { findEdition, type Edition } from './edition.ts';
import { toStoreError } from './errors.ts';
import { Horizon } from './horizon.ts';
import { Hypertable } from './hypertable.ts';
import { Markets } from './markets.ts';
import { migrate } from './migrate.ts';
import { Partitions } from './partitions.ts';
import { Tickers } from './tickers.ts';
import type { TradeTable } from './trade-table.ts';
import { Trades } from './trades.ts';
import { TradeWriter } from './writer.ts';

export interface StoreOptions extends DatabaseOptions {
  /** Whole days that trades are kept; 0 keeps them for ever. */
  readonly retentionDays: number;
  /** Days after which the community edition compresses trades; 0 never does. */
  readonly compressAfterDays: number;
}

const maintainEveryMs = 3_600_000;
const retryMaxMs = 5_000;

/**
 * The database as the rest of the worker sees it. It can be made while the database is away: queries fail with a
 * StoreError until it is there, and `open` resolves once the schema is right.
 */
export class Store {
  readonly database: Database;
  readonly horizon: Horizon;
  readonly markets: Markets;
  readonly trades: Trades;
  readonly candles: Candles;
  readonly tickers: Tickers;
  readonly #options: StoreOptions;
  readonly #closing = new AbortController();
  #upkeep: NodeJS.Timeout | undefined;
  #maintaining: Promise<void> | undefined;
  #open = false;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.database = new Database(options);
    this.horizon = new Horizon(this.database);
    this.markets = new Markets(this.database);
    this.trades = new Trades(this.database);
    this.candles = new Candles(this.database);
    this.tickers = new Tickers(this.database);
  }

  /** Schema known to be right and the last statement or ping answered. */
  get ready(): boolean {
    return this.#open && this.database.healthy;
  }

  /**
   * Waits for the database, migrates it and begins the hourly upkeep, whose end it does not wait for. Rejects only for what waiting does not change: a
   * database of a newer version, a migration that fails, or `close` meanwhile.
   */
  async open(): Promise<{ edition: Edition; writer: TradeWriter }> {
    for (let pause = 250; ; pause = Math.min(pause * 2, retryMaxMs)) {
      try {
        return await this.#openOnce();
      } catch (thrown) {
        const error = toStoreError(thrown);
        if (error.kind !== 'unavailable' && error.kind !== 'timeout') throw error;
        this.#options.report({ detail: 'waiting for the database', error });
      }
      await delay(pause, undefined, { signal: this.#closing.signal });
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#upkeep);
    await this.database.close();
    await this.#maintaining;
  }

  async #openOnce(): Promise<{ edition: Edition; writer: TradeWriter }> {
    const { database } = this;
    const edition = await findEdition(database, this.#options.report);
    const layout = await migrate(database, edition);
    const table = this.#tradeTable(edition, layout === 'partitions');
    database.onAway(() => table.forget());
    this.#maintain(table);
    this.#upkeep = setInterval(() => this.#maintain(table), maintainEveryMs);
    this.#upkeep.unref();
    this.#open = true;
    return { edition, writer: new TradeWriter(database, this.markets, this.horizon, table) };
  }

  /** Resolves when the upkeep under way, if any, is done. */
  async upkept(): Promise<void> {
    await this.#maintaining;
  }

  #maintain(table: TradeTable): void {
    // One that takes more than an hour needs no second one beside it.
    this.#maintaining ??= this.#maintainOnce(table).finally(() => (this.#maintaining = undefined));
  }

  /** Never rejects: without upkeep trades are stored all the same, only old ones stay longer. */
  async #maintainOnce(table: TradeTable): Promise<void> {
    try {
      await table.maintain(Date.now());
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#options.report({ detail: 'upkeep of the trades table failed, tried again in an hour', error });
    }
  }

  #tradeTable(edition: Edition, partitioned: boolean): TradeTable {
    const { retentionDays, compressAfterDays } = this.#options;
    // A database that got TimescaleDB later keeps the partitions it has.
    return partitioned || edition === 'plain'
      ? new Partitions(this.database, this.horizon, retentionDays)
      : new Hypertable(this.database, this.horizon, { edition, retentionDays, compressAfterDays });
  }
}
