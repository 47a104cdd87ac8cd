import { createPublicKey, type KeyObject } from 'node:crypto';

/** A public key that signatures are checked with. The same JWK gives the same object for as long as it is in the set. */
export interface VerificationKey {
  readonly id: string | null;
  /** The one algorithm it is for; null: any that its type fits. */
  readonly algorithm: string | null;
  readonly type: string;
  readonly curve: string | null;
  readonly key: KeyObject;
  /** What tells it from others. */
  readonly text: string;
}

/** Members that are private (RFC 7518 section 6), or the key itself of a symmetric one. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const fewestRsaBits = 2048;
const mostKeys = 100;

/**
 * The keys of a JWK set (RFC 7517 section 5) that can check signatures; others (encryption, unknown types, weak RSA) are
 * left out, as section 5 asks. Throws TypeError for what is no set, for one without a usable key, and for one that holds
 * a private or symmetric key: whoever publishes those has lost them, and nothing signed with them means anything.
 */
export function parseKeySet(text: string, known: readonly VerificationKey[] = []): VerificationKey[] {
  const set: unknown = JSON.parse(text);
  const list = isObject(set) ? set['keys'] : undefined;
  if (!Array.isArray(list) || list.length > mostKeys)
    throw new TypeError('it is no JWK set of up to 100 keys');
  const keys: VerificationKey[] = [];
  for (const jwk of list as unknown[]) {
    if (!isObject(jwk)) continue;
    if (jwk['kty'] === 'oct' || secretMembers.some((member) => Object.hasOwn(jwk, member)))
      throw new TypeError('it holds a private or symmetric key');
    const key = verificationKey(jwk, known);
    if (key !== null) keys.push(key);
  }
  if (keys.length === 0) throw new TypeError('it holds no key that could check a signature');
  return keys;
}

function verificationKey(
  jwk: Record<string, unknown>,
  known: readonly VerificationKey[],
): VerificationKey | null {
  const { kty, kid, alg, use, crv, key_ops: operations } = jwk;
  if (use !== undefined && use !== 'sig') return null;
  if (Array.isArray(operations) && !operations.includes('verify')) return null;
  if (typeof kty !== 'string') return null;
  const text = JSON.stringify(Object.entries(jwk).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const same = known.find((key) => key.text === text);
  if (same) return same;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return null;
  }
  if (kty === 'RSA' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < fewestRsaBits) return null;
  return {
    id: typeof kid === 'string' ? kid : null,
    algorithm: typeof alg === 'string' ? alg : null,
    type: kty,
    curve: typeof crv === 'string' ? crv : null,
    key,
    text,
  };
}

/** What a JWS algorithm asks of a key (RFC 7518 section 3.1, RFC 8037 section 3.1). */
const needs: Readonly<Record<string, { readonly type: string; readonly curve?: string }>> = {
  ES256: { type: 'EC', curve: 'P-256' },
  ES384: { type: 'EC', curve: 'P-384' },
  ES512: { type: 'EC', curve: 'P-521' },
  RS256: { type: 'RSA' },
  RS384: { type: 'RSA' },
  RS512: { type: 'RSA' },
  PS256: { type: 'RSA' },
  PS384: { type: 'RSA' },
  PS512: { type: 'RSA' },
  EdDSA: { type: 'OKP', curve: 'Ed25519' },
};

/** Keys that may have signed a token with this header. A token without `kid` may be of any that fits. */
export function candidates(
  keys: readonly VerificationKey[],
  algorithm: string,
  keyId: string | null,
): VerificationKey[] {
  const need = Object.hasOwn(needs, algorithm) ? needs[algorithm] : undefined;
  if (need === undefined) return [];
  return keys.filter(
    (key) =>
      key.type === need.type &&
      (need.curve === undefined || key.curve === need.curve) &&
      (key.algorithm === null || key.algorithm === algorithm) &&
      (keyId === null || key.id === keyId),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
