import { z } from '@sluice/config';
import { consumer, type Consumer } from '../document/callers.ts';
import { name } from '../document/parts.ts';

/**
 * KV `consumers`: API clients that are not in the document, and the keys of all of them. `consumer.<id>` holds the same
 * members as a consumer of the document; `key.<id>` a {@link StoredKey}. Values are JSON.
 */
export const consumersBucket = 'consumers';
/** KV `key-usage`: under the id of a key, when an edge last saw it, milliseconds since the epoch. To about a minute. */
export const keyUsageBucket = 'key-usage';

const keyId = z.string().regex(/^[0-9A-Za-z]{12}$/, 'the id of a key is 12 letters and digits');
const time = z.int().min(0);

export const storedKey = z.strictObject({
  id: keyId,
  consumer: name,
  hash: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'a SHA-256 in base64url'),
  name: z.string().max(200),
  created: time,
  expires: time.nullable(),
  disabled: z.boolean(),
});

/** What is kept of an API key. Times are milliseconds since the epoch. */
export type StoredKey = z.output<typeof storedKey>;

export function consumerEntryKey(id: string): string {
  return `consumer.${id}`;
}

export function keyEntryKey(id: string): string {
  return `key.${id}`;
}

/** A change of the bucket, by what it is about; null for a key of the bucket that is none of ours. */
export function entryOf(key: string): { readonly kind: 'consumer' | 'key'; readonly id: string } | null {
  const dot = key.indexOf('.');
  const kind = key.slice(0, dot);
  return kind === 'consumer' || kind === 'key' ? { kind, id: key.slice(dot + 1) } : null;
}

export function encodeConsumer(value: Consumer): string {
  return JSON.stringify(consumer.parse(value));
}

export function encodeKey(value: StoredKey): string {
  return JSON.stringify(storedKey.parse(value));
}

/** Throws with a sentence where the value is no consumer. */
export function decodeConsumer(value: Uint8Array): Consumer {
  return decode(consumer, value);
}

/** Throws with a sentence where the value is no key. */
export function decodeKey(value: Uint8Array): StoredKey {
  return decode(storedKey, value);
}

function decode<T>(schema: z.ZodType<T>, value: Uint8Array): T {
  const parsed = schema.safeParse(
    JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString()),
  );
  if (parsed.success) return parsed.data;
  throw new TypeError(z.prettifyError(parsed.error));
}
