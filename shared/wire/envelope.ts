import { Packr } from 'msgpackr';
import type { FlatHeaders } from './headers.ts';

export const wireVersion = 1;

/** Who calls. Absent (null) for anonymous calls. */
export interface Identity {
  readonly subject: string;
  readonly kind: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly tenant: string | null;
}

/** A request between edge, router and msgpack backends. `docs/wire.md` is the normative text. */
export interface WireRequest {
  readonly method: string;
  /** Canonical path, percent-encoded as it was matched. */
  readonly path: string;
  /** Id of the matched route. */
  readonly route: string;
  /** Percent-decoded path parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** Raw query string without the question mark; empty when there is none. */
  readonly query: string;
  readonly headers: FlatHeaders;
  readonly body: Uint8Array;
  readonly identity: Identity | null;
  /** Address of the client as text. */
  readonly client: string;
  readonly id: string;
  /** Absolute, milliseconds since the epoch, UTC. */
  readonly deadline: number;
  /** W3C traceparent, empty when there is none. */
  readonly trace: string;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: FlatHeaders;
  readonly body: Uint8Array;
}

/** Plain maps and the smallest map header: readable from every language, and faster here than records (STACK.md). */
const packr = new Packr({ useRecords: false, variableMapSize: true });

/** The payload of a request. Throws RangeError for a deadline that is no integer. */
export function encodeRequest(request: WireRequest): Uint8Array {
  return packr.pack({
    v: wireVersion,
    method: request.method,
    path: request.path,
    route: request.route,
    params: request.params,
    query: request.query,
    headers: request.headers,
    body: request.body,
    identity: request.identity,
    client: request.client,
    id: request.id,
    // As a 64-bit integer: a plain number above 2^32 would leave as a float, which strict readers in Go and Rust refuse.
    deadline: BigInt(request.deadline),
    trace: request.trace,
  });
}

/** The payload of a response. Nothing is checked here: what a backend may answer is checked where it is decoded. */
export function encodeResponse(response: WireResponse): Uint8Array {
  return packr.pack({
    v: wireVersion,
    status: response.status,
    headers: response.headers,
    body: response.body,
  });
}
