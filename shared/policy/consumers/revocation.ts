import { z } from '@sluice/config';

/**
 * KV `revocations`: tokens that are no longer good although they have not expired. `jti.<source>.<jti>` takes back one
 * token, `subject.<source>.<subject>` every token of a subject that was made before a time. `source` is the name of the
 * issuer, introspection or login in the document. Parts are base64url. Where it is known when the token would have ended
 * the entry ends then too (per-key TTL).
 */
export const revocationsBucket = 'revocations';

export const revocation = z.strictObject({
  /** When it was revoked; tokens of a subject that are younger stay good. Milliseconds since the epoch, like `until`. */
  at: z.int().min(0),
  /** When the entry loses its meaning; null: never. */
  until: z.int().min(0).nullable(),
  reason: z.string().max(500),
});
export type Revocation = z.output<typeof revocation>;

/** What is taken back. `id` is the `jti` or the subject, at most 512 characters. */
export interface RevokedThing {
  readonly kind: 'jti' | 'subject';
  readonly source: string;
  readonly id: string;
}

/** `subject`, and base64url of 64 and of 512 characters that take three bytes each, with two dots. */
export const longestRevocationKey = 7 + 256 + 2_048 + 2;

/** Throws RangeError for an empty part, or one that is too long to be a key. */
export function revocationKey({ kind, source, id }: RevokedThing): string {
  if (source === '' || id === '' || source.length > 64 || id.length > 512)
    throw new RangeError('a revocation names a source of up to 64 characters and an id of up to 512');
  return `${kind}.${base64url(source)}.${base64url(id)}`;
}

/** The opposite of {@link revocationKey}; null for a key that is none. */
export function parseRevocationKey(key: string): RevokedThing | null {
  const [kind, source, id, more] = key.split('.');
  if ((kind !== 'jti' && kind !== 'subject') || !source || !id || more !== undefined) return null;
  return { kind, source: text(source), id: text(id) };
}

/** Throws with a sentence where the value is no revocation. */
export function decodeRevocation(value: Uint8Array): Revocation {
  const parsed = revocation.safeParse(JSON.parse(Buffer.from(value).toString()));
  if (parsed.success) return parsed.data;
  throw new TypeError(z.prettifyError(parsed.error));
}

function base64url(value: string): string {
  return Buffer.from(value).toString('base64url');
}

function text(value: string): string {
  return Buffer.from(value, 'base64url').toString();
}
