import { Pool, type ClientBase, type PoolConfig } from 'pg';
import { Connection, type Session } from './connection.ts';
import { toStoreError, type StoreError } from './errors.ts';
import { runOn, type Row, type Statement } from './statement.ts';

export interface DatabaseOptions {
  readonly url: string;
  /** Connections for queries. One more is kept for writing and one is made for upkeep: none waits for the others. */
  readonly poolSize: number;
  /** Longest a query may run, ms; the server ends it. */
  readonly statementTimeoutMs: number;
  readonly report: (event: { detail: string; error?: unknown }) => void;
}

/**
 * Time in which a connection must stand, ms: a machine that is gone answers nothing at all. The pool waits as long for
 * one of its own to become free.
 */
const connectTimeoutMs = 3_000;
const pingEveryMs = 2_000;

/** Longest a write transaction may take, ms. */
const writeTimeoutMs = 30_000;

/**
 * Longest that upkeep waits for a lock, ms. Somebody's open transaction (a backup) may hold one for hours, and what
 * upkeep holds itself while it waits must not make a write come to its own limit.
 */
const upkeepLockMs = 10_000;

/** The driver's own limit comes after the server's: it is for a server that answers nothing at all. */
const driverPatienceMs = 1_000;

/**
 * Connections to PostgreSQL. All of them recover by themselves; `healthy` follows what the last statement, or the ping
 * that is sent every two seconds, met with.
 */
export class Database {
  /** Partitions, policies, dropping: what may wait long for others, and must not keep trades waiting. */
  readonly upkeep: Connection;
  readonly writer: Connection;
  readonly #readers: Pool;
  readonly #options: DatabaseOptions;
  readonly #onAway = new Set<() => void>();
  #healthy = false;
  #pinging = false;
  #closed = false;
  #pings: NodeJS.Timeout | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    const common = {
      connectionString: options.url,
      application_name: 'sluice-marketdata',
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
    };
    const { poolSize, statementTimeoutMs } = options;
    this.#readers = this.#pool(
      { ...common, max: poolSize, query_timeout: statementTimeoutMs + driverPatienceMs },
      `SET statement_timeout = ${statementTimeoutMs}`,
    );
    const outcome = {
      onAnswer: () => (this.#healthy = true),
      onFailure: (thrown: unknown) => this.#failed(thrown),
    };
    this.writer = new Connection({
      ...outcome,
      pool: this.#pool({ ...common, max: 1 }, `SET statement_timeout = ${writeTimeoutMs}`),
      limitMs: writeTimeoutMs,
    });
    this.upkeep = new Connection({
      ...outcome,
      pool: this.#pool(
        { ...common, max: 1, query_timeout: writeTimeoutMs + driverPatienceMs },
        `SET statement_timeout = ${writeTimeoutMs}; SET lock_timeout = ${upkeepLockMs}`,
      ),
      // Years of partitions take as long as they take: each of the statements has its limit.
      limitMs: 0,
    });
    this.#pings = setInterval(() => void this.ping(), pingEveryMs);
    this.#pings.unref();
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  /** Called when the database went away: what was remembered of it may not hold when it comes back. */
  onAway(listener: () => void): void {
    this.#onAway.add(listener);
  }

  /** Runs one prepared statement outside of any transaction. Rejects with StoreError. */
  async read(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      const rows = await runOn(this.#readers, statement, values);
      this.#healthy = true;
      return rows;
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** A transaction on the writing connection. Rejects with StoreError. */
  async write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return await this.writer.write(work);
  }

  /** The writing connection without a transaction; `limitMs` 0 sets no limit (migrations). Rejects with StoreError. */
  async session<T>(work: (session: Session) => Promise<T>, limitMs?: number): Promise<T> {
    return await this.writer.session(work, limitMs);
  }

  /** Asks for a sign of life; never rejects. */
  async ping(): Promise<void> {
    if (this.#pinging) return;
    this.#pinging = true;
    await this.read({ name: 'ping', text: 'SELECT 1' }).catch(() => {});
    this.#pinging = false;
  }

  /** Resolves when what is being read or written is done; upkeep is cut short, and goes on where it is begun next. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#pings);
    this.upkeep.cut();
    await Promise.all([this.#readers.end(), this.writer.close(), this.upkeep.close()]);
  }

  #pool(options: PoolConfig, limits: string): Pool {
    // Runs before a connection is handed out; the pool waits for it. Not as start parameters, which poolers refuse.
    const onConnect = (client: ClientBase): unknown => {
      client.on('error', (error) => this.#failed(error));
      return client.query(`${limits}; SET timezone = 'UTC'; SET jit = off`);
    };
    const pool = new Pool({ ...options, onConnect });
    // An idle connection that breaks must not end the process.
    pool.on('error', (error) => this.#failed(error));
    return pool;
  }

  #failed(thrown: unknown): StoreError {
    const error = toStoreError(thrown);
    if (error.kind !== 'unavailable' || this.#closed) return error;
    const was = this.#healthy;
    this.#healthy = false;
    if (was) {
      this.#options.report({ detail: 'database away', error });
      for (const listener of this.#onAway) listener();
    }
    return error;
  }
}
