import { wireVersion } from './envelope.ts';
import { WireError } from './error.ts';
import type { FlatHeaders } from './headers.ts';
import type { MsgpackReader } from './msgpack-reader.ts';
import { Words } from './words.ts';

/** Fields, not bytes: bytes are bounded by the edge (requests) and by what NATS carries. */
export const mostFields = 512;
const commonFields = new Words([
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'cache-control',
  'content-length',
  'content-type',
  'cookie',
  'etag',
  'host',
  'origin',
  'referer',
  'set-cookie',
  'traceparent',
  'user-agent',
  'x-forwarded-for',
  'x-request-id',
]);

export const noBody: Uint8Array = Buffer.alloc(0);
export const noHeaders: FlatHeaders = Object.freeze([]);

/** A key that comes twice means one thing to readers that keep the first and another to those that keep the last. */
export function once<T>(name: string, before: T | undefined, value: T): T {
  if (before !== undefined) throw new WireError(`the envelope holds "${name}" twice`);
  return value;
}

/** Throws {@link WireError} for every version but this one. */
export function checkVersion(version: number | undefined): void {
  if (version !== wireVersion) throw new WireError(`wire version ${String(version)} is not ${wireVersion}`);
}

/** `[name, value, …]`, at most 512 fields. */
export function flatHeaders(reader: MsgpackReader): FlatHeaders {
  const size = reader.arraySize();
  if (size % 2 !== 0) throw new WireError('headers are not a list of names and values');
  if (size > 2 * mostFields) throw new WireError(`more than ${mostFields} header fields`);
  const headers: string[] = [];
  for (let i = 0; i < size; i += 2) headers.push(reader.text(commonFields), reader.text());
  return headers;
}
