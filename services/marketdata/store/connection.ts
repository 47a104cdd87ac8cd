import type { Pool, PoolClient } from 'pg';
import { StoreError } from './errors.ts';
import { runOn, type Row, type Statement } from './statement.ts';

/** A connection that is nobody else's meanwhile. */
export interface Session {
  readonly run: (statement: Statement, values?: readonly unknown[]) => Promise<Row[]>;
  /** For several statements in one text, and the COPY stream, which the driver takes as a query. */
  readonly client: PoolClient;
}

export interface ConnectionOptions {
  /** Of one connection, so that its users take turns. */
  readonly pool: Pool;
  /** Longest a session may take, ms; 0 sets no limit. */
  readonly limitMs: number;
  /** Told when a session has ended well. */
  readonly onAnswer: () => void;
  /** Told what went wrong otherwise; gives the error that the user gets. */
  readonly onFailure: (thrown: unknown) => StoreError;
}

/** One connection to the database, made when it is needed and again when it was lost. */
export class Connection {
  readonly #options: ConnectionOptions;
  #inUse: PoolClient | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /**
   * Runs `work` inside one transaction: committed when it resolves, rolled back and the connection thrown away when it
   * rejects or takes too long. Rejects with StoreError.
   */
  async write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return await this.session(async (session) => {
      await session.client.query('BEGIN');
      const result = await work(session);
      await session.client.query('COMMIT');
      return result;
    });
  }

  /** The connection without a transaction. Rejects with StoreError. */
  async session<T>(
    work: (session: Session) => Promise<T>,
    limitMs: number = this.#options.limitMs,
  ): Promise<T> {
    const { pool, onAnswer, onFailure } = this.#options;
    let client: PoolClient;
    try {
      client = await pool.connect();
    } catch (thrown) {
      throw onFailure(thrown);
    }
    this.#inUse = client;
    let late = false;
    const timer =
      limitMs > 0
        ? setTimeout(() => {
            late = true;
            this.cut();
          }, limitMs)
        : undefined;
    try {
      const result = await work({
        client,
        run: (statement, values = []) => runOn(client, statement, values),
      });
      this.#inUse = undefined;
      client.release();
      onAnswer();
      return result;
    } catch (thrown) {
      this.#inUse = undefined;
      client.release(true);
      throw onFailure(
        late
          ? new StoreError('unavailable', 'the database did not answer in time', { cause: thrown })
          : thrown,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the session under way, which rejects. */
  cut(): void {
    // Only the socket's end wakes a COPY or a statement that a frozen server never answers.
    (this.#inUse as { connection: { stream: { destroy(): void } } } | undefined)?.connection.stream.destroy();
  }

  /** Resolves when the session under way has ended. */
  async close(): Promise<void> {
    await this.#options.pool.end();
  }
}
