/**
 * What can go wrong on the bus, told apart because callers answer differently:
 * - `disconnected`: nothing was sent, the connection is away (503 at once);
 * - `no_responders`: nobody listens on the subject (503);
 * - `timeout`: sent, and no answer before the deadline (504);
 * - `too_large`: the payload exceeds what the server takes (413 or 502);
 * - `rejected`: the server refused it: permissions, a bad stream, a wrong revision.
 */
export type BusErrorKind = 'disconnected' | 'no_responders' | 'timeout' | 'too_large' | 'rejected';

export class BusError extends Error {
  readonly kind: BusErrorKind;
  /** JetStream's own error number (`err_code`) where it gave one: 10071 is a wrong revision. */
  readonly code: number | undefined;

  constructor(kind: BusErrorKind, message: string, options?: ErrorOptions & { code?: number }) {
    super(message, options);
    this.name = 'BusError';
    this.kind = kind;
    this.code = options?.code;
  }
}

/** The user of this connection may not publish to the subject: nobody has seen the message. */
export function isForbidden(error: unknown): boolean {
  return (
    isBusError(error, 'rejected') &&
    error.cause instanceof Error &&
    error.cause.name === 'PermissionViolationError'
  );
}

export function isBusError(error: unknown, kind?: BusErrorKind): error is BusError {
  return error instanceof BusError && (kind === undefined || error.kind === kind);
}
