import { errorCodes, type Code } from './codes.ts';

/** One invalid place of a request. `in` and `pointer` locate it: `{in: 'query', pointer: '/limit'}`. */
export interface FieldError {
  readonly in: 'path' | 'query' | 'header' | 'body';
  /** RFC 6901 JSON pointer inside that part; `/limit` for the query parameter `limit`. */
  readonly pointer: string;
  readonly detail: string;
  /** Line of a text body, from 1; where it is known. */
  readonly line?: number;
  /** What may be meant; where there is a guess. */
  readonly hint?: string;
}

export interface ErrorOptions {
  readonly errors?: readonly FieldError[];
  /** Seconds until another try makes sense; becomes `Retry-After`. */
  readonly retryAfter?: number;
  /** More response headers, for example `allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Kept for the log, never shown to a client. */
  readonly cause?: unknown;
}

/** Seconds a client is told to wait when a retryable error names no time of its own. */
const defaultRetryAfter = 1;

/**
 * The one error type. `detail` is shown to clients, so it never holds subjects, SQL, secrets or stack traces;
 * what operators need goes into `cause`.
 */
export class SluiceError extends Error {
  readonly code: Code;
  readonly status: number;
  readonly detail: string;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfter: number | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(code: Code, detail: string, options: ErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SluiceError';
    this.code = code;
    this.detail = detail;
    this.status = errorCodes[code].status;
    this.errors = options.errors;
    this.retryAfter =
      options.retryAfter ?? (this.status === 503 || this.status === 429 ? defaultRetryAfter : undefined);
    this.headers = options.headers;
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }
}

/** Converts anything thrown into a SluiceError; what is unknown becomes `internal` and keeps its cause for the log. */
export function toSluiceError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  return new SluiceError('internal', 'The gateway could not handle the request.', { cause: thrown });
}
