import { problemHeaders, toProblem, type SluiceError } from '@sluice/errors';
import type { WireResponse } from '@sluice/wire';

export interface ReplyOptions {
  /** 200–599; default 200. */
  readonly status?: number;
  /** A list of values sends the field several times. */
  readonly headers?: Readonly<Record<string, string | number | readonly string[]>>;
  /** Bytes or text, sent as they are. */
  readonly body?: Uint8Array | string;
}

/** An answer that is not just a value: its own status, header fields or bytes. Made by {@link reply}. */
export class Reply {
  readonly response: WireResponse;

  constructor(options: ReplyOptions) {
    const status = options.status ?? 200;
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new RangeError(`status ${status} is not one that a backend can answer`);
    this.response = {
      status,
      headers: flatten(options.headers ?? {}),
      body: typeof options.body === 'string' ? Buffer.from(options.body) : (options.body ?? empty),
    };
  }
}

const empty = new Uint8Array(0);
const jsonHeaders: readonly string[] = ['content-type', 'application/json'];
/** RFC 9110 section 5.6.2: token. */
const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** RFC 9110 section 5.5: no control characters but the tab; anything else could split the response. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Throws TypeError and RangeError for what HTTP cannot carry. */
export function reply(options: ReplyOptions): Reply {
  return new Reply(options);
}

/** What a handler returned, as a response: a Reply as it is, nothing as an empty body, any other value as JSON. */
export function toResponse(value: unknown, status: number | undefined): WireResponse {
  if (value instanceof Reply) return value.response;
  if (value === undefined) return { status: status ?? 204, headers: [], body: empty };
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`a handler returned a ${typeof value}, which is no JSON`);
  return { status: status ?? 200, headers: jsonHeaders, body: Buffer.from(text) };
}

export function errorResponse(error: SluiceError, requestId: string): WireResponse {
  return {
    status: error.status,
    headers: problemHeaders(error),
    body: Buffer.from(JSON.stringify(toProblem(error, requestId))),
  };
}

function flatten(fields: NonNullable<ReplyOptions['headers']>): string[] {
  const headers: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    const name = key.toLowerCase();
    if (!fieldName.test(name)) throw new TypeError(`"${key}" is not a header name`);
    for (const item of Array.isArray(value) ? (value as readonly string[]) : [String(value)]) {
      if (!fieldValue.test(item)) throw new TypeError(`header ${name} has a value that HTTP cannot carry`);
      headers.push(name, item);
    }
  }
  return headers;
}
