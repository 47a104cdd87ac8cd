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

/** A payload that is not the envelope it should be. The message is for logs. */
export class WireError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WireError';
  }
}

/** Plain maps and the smallest map header: readable from every language, and faster here than records (STACK.md). */
const packr = new Packr({ useRecords: false, variableMapSize: true });
const empty = new Uint8Array(0);

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
    deadline: request.deadline,
    trace: request.trace,
  });
}

export function encodeResponse(response: WireResponse): Uint8Array {
  return packr.pack({
    v: wireVersion,
    status: response.status,
    headers: response.headers,
    body: response.body,
  });
}

/** Decodes and checks a request. The body aliases `payload`: copy it before keeping it. Throws {@link WireError}. */
export function decodeRequest(payload: Uint8Array): WireRequest {
  const map = decodeMap(payload);
  const { method, path, route, params, query, headers, body, identity, client, id, deadline, trace } = map;
  if (
    typeof method !== 'string' ||
    typeof path !== 'string' ||
    typeof route !== 'string' ||
    typeof id !== 'string'
  )
    throw new WireError('request envelope lacks method, path, route or id');
  if (typeof deadline !== 'number') throw new WireError('request envelope has no deadline');
  return {
    method,
    path,
    route,
    params: isStringMap(params) ? params : {},
    query: typeof query === 'string' ? query : '',
    headers: flatHeaders(headers),
    body: bytes(body),
    identity: (identity as Identity | null | undefined) ?? null,
    client: typeof client === 'string' ? client : '',
    id,
    deadline,
    trace: typeof trace === 'string' ? trace : '',
  };
}

/** Decodes and checks a response: status 200–599 (RFC 9110 section 15; 1xx is not for backends). Throws {@link WireError}. */
export function decodeResponse(payload: Uint8Array): WireResponse {
  const { status, headers, body } = decodeMap(payload);
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599)
    throw new WireError('response envelope has no valid status');
  return { status, headers: flatHeaders(headers), body: bytes(body) };
}

function decodeMap(payload: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = packr.unpack(payload);
  } catch (cause) {
    throw new WireError('payload is not msgpack', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw new WireError('payload is not a map');
  const map = value as Record<string, unknown>;
  if (map['v'] !== wireVersion) throw new WireError(`wire version ${String(map['v'])} is not ${wireVersion}`);
  return map;
}

function flatHeaders(value: unknown): FlatHeaders {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length % 2 !== 0)
    throw new WireError('headers are not a list of names and values');
  for (const item of value) if (typeof item !== 'string') throw new WireError('a header is not text');
  return value as string[];
}

function bytes(value: unknown): Uint8Array {
  if (value === undefined || value === null) return empty;
  if (value instanceof Uint8Array) return value;
  throw new WireError('body is not binary');
}

function isStringMap(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
