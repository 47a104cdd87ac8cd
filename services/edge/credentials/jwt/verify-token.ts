import { errors, jwtVerify } from 'jose';
import { badToken, cannotCheck } from '../bearer.ts';
import { claimAt, claimedTime, type Claims } from '../claims.ts';
import type { Issuers, KnownIssuer } from './issuers.ts';
import { candidates, type VerificationKey } from './jwks.ts';
import { readToken, type UnverifiedToken } from './token-parts.ts';

/** Claims that every token has to have: without an end, an audience or an issuer a token is good for anything. */
const required = ['iss', 'aud', 'exp', 'nbf'];

export interface VerifiedToken {
  readonly issuer: KnownIssuer;
  readonly key: VerificationKey;
  /** The issuer's set that the key was taken from: by the time that the token is verified there may be another one. */
  readonly keys: readonly VerificationKey[];
  readonly claims: Claims;
  /** `exp` and the tolerance, milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Checks a token (RFC 7519, RFC 8725): the issuer by its unverified `iss`, then algorithm, signature and claims by what
 * the document says of that issuer. Rejects with SluiceError `unauthorized`, or `unavailable` while the issuer's keys
 * have never been read.
 */
export async function verifyToken(token: string, issuers: Issuers): Promise<VerifiedToken> {
  let said: UnverifiedToken;
  try {
    said = readToken(token);
  } catch (error) {
    throw badToken(error);
  }
  const issuer = issuerOf(said, issuers);
  // Checked again below with the signature; here because a busy client with an old token should cost little.
  const [endsAt, startsAt, issuedAt] = (['exp', 'nbf', 'iat'] as const).map((name) =>
    claimedTime(said.claims, name),
  );
  if (endsAt === null || startsAt === null || issuedAt === null) throw badToken('a time in it is none');
  const toleranceMs = issuer.rules.clock_tolerance;
  if (endsAt === undefined || endsAt + toleranceMs <= Date.now()) throw badToken('expired');
  // One from the future would outlive every revocation of its subject until then (RFC 7519 leaves it to whoever reads).
  if (issuedAt !== undefined && issuedAt - toleranceMs > Date.now()) throw badToken('issued in the future');

  const tried = new Set<VerificationKey>();
  const first = await tryKeys(token, said, issuer, tried);
  if (first !== null) return first;
  // The issuer may have begun to use a new key, whatever it calls it.
  if (await issuer.keySet.lookAgain()) {
    const second = await tryKeys(token, said, issuer, tried);
    if (second !== null) return second;
  }
  if (issuer.keySet.keys.length === 0) throw cannotCheck(`issuer ${issuer.name}: no key set yet`);
  throw badToken('no key of the issuer has signed it');
}

function issuerOf({ claims, algorithm }: UnverifiedToken, issuers: Issuers): KnownIssuer {
  const issuer = issuers.claimedBy(claims['iss']);
  if (issuer === undefined) throw badToken('no such issuer is known');
  if (!(issuer.rules.algorithms as readonly string[]).includes(algorithm))
    throw badToken('the issuer does not use this algorithm');
  return issuer;
}

/** Null where none of the keys that were not tried yet fits the signature. Rejects for a token that is bad otherwise. */
async function tryKeys(
  token: string,
  said: UnverifiedToken,
  issuer: KnownIssuer,
  tried: Set<VerificationKey>,
): Promise<VerifiedToken | null> {
  const { rules } = issuer;
  const { keys } = issuer.keySet;
  for (const key of candidates(keys, said.algorithm, said.keyId)) {
    if (tried.has(key)) continue;
    tried.add(key);
    try {
      const { payload } = await jwtVerify(token, key.key, {
        algorithms: [...rules.algorithms],
        issuer: rules.issuer,
        audience: [...rules.audience],
        clockTolerance: rules.clock_tolerance / 1_000,
        requiredClaims: required,
      });
      return {
        issuer,
        key,
        keys,
        claims: complete(payload, rules.required_claims),
        expiresAt: end(payload, rules),
      };
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      throw badToken(error);
    }
  }
  return null;
}

function complete(claims: Claims, paths: readonly string[]): Claims {
  for (const path of paths)
    if ((claimAt(claims, path) ?? null) === null) throw new TypeError(`claim ${path} is missing`);
  return claims;
}

function end(claims: Claims, rules: KnownIssuer['rules']): number {
  return Number(claims['exp']) * 1_000 + rules.clock_tolerance;
}
