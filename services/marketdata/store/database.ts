import { Pool, type ClientBase, type PoolClient, type PoolConfig } from 'pg';
import { StoreError, toStoreError } from './errors.ts';

/** A statement prepared once per connection under its name: planning it costs more than running it. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Values as the driver gives them: text for int8 and numeric, numbers for int4, booleans. */
export type Row = readonly unknown[];

/** A connection with a transaction open on it. */
export interface Session {
  readonly run: (statement: Statement, values?: readonly unknown[]) => Promise<Row[]>;
  /** For the COPY stream, which the driver takes as a query. */
  readonly client: PoolClient;
}

export interface DatabaseOptions {
  readonly url: string;
  /** Connections for queries; one more is kept for writing, so that neither waits for the other. */
  readonly poolSize: number;
  /** Longest a query may run, ms; the server ends it. */
  readonly statementTimeoutMs: number;
  readonly report: (event: { detail: string; error?: unknown }) => void;
}

/** Time in which a connection must stand, ms: a machine that is gone answers nothing at all. */
const connectTimeoutMs = 3_000;
const pingEveryMs = 2_000;

/** Longest a write transaction may take, ms. */
const writeTimeoutMs = 30_000;

/**
 * Connections to PostgreSQL. Both pools recover by themselves; `healthy` follows what the last statement, or the ping
 * that is sent every two seconds, met with.
 */
export class Database {
  readonly #readers: Pool;
  readonly #writer: Pool;
  readonly #options: DatabaseOptions;
  readonly #onAway = new Set<() => void>();
  #healthy = false;
  #pinging = false;
  #pings: NodeJS.Timeout | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    const common = {
      connectionString: options.url,
      application_name: 'sluice-marketdata',
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
    };
    const { statementTimeoutMs } = options;
    this.#readers = this.#pool(
      // The server ends slow statements itself; the driver's own limit is for a server that answers nothing at all.
      { ...common, max: options.poolSize, query_timeout: statementTimeoutMs + 1_000 },
      statementTimeoutMs,
    );
    this.#writer = this.#pool({ ...common, max: 1 }, writeTimeoutMs);
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

  /**
   * Runs `work` inside one transaction on the writing connection: committed when it resolves, rolled back and the
   * connection thrown away when it rejects or takes too long. Rejects with StoreError.
   */
  async write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return await this.session(async (session) => {
      await session.client.query('BEGIN');
      const result = await work(session);
      await session.client.query('COMMIT');
      return result;
    });
  }

  /** The writing connection without a transaction; `timeoutMs` 0 sets no limit (migrations). Rejects with StoreError. */
  async session<T>(work: (session: Session) => Promise<T>, timeoutMs: number = writeTimeoutMs): Promise<T> {
    let client: PoolClient;
    try {
      client = await this.#writer.connect();
    } catch (thrown) {
      throw this.#failed(thrown);
    }
    let late = false;
    const cut = (): void => {
      late = true;
      // Only the socket's end wakes a COPY or a statement that a frozen server never answers.
      (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    };
    const timer = timeoutMs > 0 ? setTimeout(cut, timeoutMs) : undefined;
    try {
      const result = await work({
        client,
        run: (statement, values = []) => runOn(client, statement, values),
      });
      client.release();
      this.#healthy = true;
      return result;
    } catch (thrown) {
      client.release(true);
      throw this.#failed(
        late
          ? new StoreError('unavailable', 'the database did not answer in time', { cause: thrown })
          : thrown,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks for a sign of life; never rejects. */
  async ping(): Promise<void> {
    if (this.#pinging) return;
    this.#pinging = true;
    await this.read({ name: 'ping', text: 'SELECT 1' }).catch(() => {});
    this.#pinging = false;
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    await Promise.all([this.#readers.end(), this.#writer.end()]);
  }

  #pool(options: PoolConfig, timeoutMs: number): Pool {
    // Runs before a connection is handed out; the pool waits for it. Not as start parameters, which poolers refuse.
    const onConnect = (client: ClientBase): unknown => {
      client.on('error', (error) => this.#failed(error));
      return client.query(`SET statement_timeout = ${timeoutMs}; SET timezone = 'UTC'; SET jit = off`);
    };
    const pool = new Pool({ ...options, onConnect });
    // An idle connection that breaks must not end the process.
    pool.on('error', (error) => this.#failed(error));
    return pool;
  }

  #failed(thrown: unknown): StoreError {
    const error = toStoreError(thrown);
    if (error.kind !== 'unavailable') return error;
    const was = this.#healthy;
    this.#healthy = false;
    if (was) {
      this.#options.report({ detail: 'database away', error });
      for (const listener of this.#onAway) listener();
    }
    return error;
  }
}

async function runOn(
  target: Pool | PoolClient,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  const { rows } = await target.query<unknown[]>({
    name: statement.name,
    text: statement.text,
    values: [...values],
    rowMode: 'array',
  });
  return rows;
}
