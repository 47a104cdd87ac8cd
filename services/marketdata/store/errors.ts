/**
 * Why the database did not do what was asked, told apart because callers answer differently:
 * - `unavailable`: it is away, starting, frozen, full or refuses the login: the same thing may work later;
 * - `busy`: every connection that there is for it was in use for too long: it works, only too much is asked of it;
 * - `timeout`: it works, but took longer than a statement may;
 * - `bad_data`: it refused a value (SQLSTATE class 22);
 * - `exhausted`: it has no memory (locks count as such) for a transaction of this size;
 * - `failed`: anything else.
 */
export type StoreErrorKind = 'unavailable' | 'busy' | 'timeout' | 'bad_data' | 'exhausted' | 'failed';

export class StoreError extends Error {
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.kind = kind;
  }
}

export function isStoreError(error: unknown, kind?: StoreErrorKind): error is StoreError {
  return error instanceof StoreError && (kind === undefined || error.kind === kind);
}

/** Converts what the driver throws: server errors by SQLSTATE, the others by their system code or text. */
export function toStoreError(thrown: unknown): StoreError {
  if (thrown instanceof StoreError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new StoreError(kindOf(thrown, message), message || 'database error', { cause: thrown });
}

/** Login refused, no such database, read-only standby, out of connections or disk, shutting down or starting up. */
const awayStates = new Set(['28000', '28P01', '3D000', '25006', '57P01', '57P02', '57P03', '57P05']);

function kindOf(thrown: unknown, message: string): StoreErrorKind {
  const code = (thrown as { code?: unknown } | null)?.code;
  if (typeof code === 'string') {
    if (code === '57014') return 'timeout';
    if (code === '53200') return 'exhausted';
    if (awayStates.has(code) || code.startsWith('08') || code.startsWith('53')) return 'unavailable';
    if (/^22...$/.test(code)) return 'bad_data';
    // System errors of the socket: ECONNREFUSED, ECONNRESET, ENOTFOUND, EPIPE, ETIMEDOUT, …
    if (/^E[A-Z_]+$/.test(code)) return 'unavailable';
    return 'failed';
  }
  // What waits in the pool's queue says nothing about the database: those that have the connections will tell.
  if (message === 'timeout exceeded when trying to connect') return 'busy';
  // The driver's own errors carry no code. Its read timeout is longer than the server's own limit: when it fires, the
  // server has stopped to answer.
  return /connection|connect|timeout|client has encountered/i.test(message) ? 'unavailable' : 'failed';
}
