import { claimedRoles, type AuthMethod, type Grants } from '@sluice/policy';
import type { Caller } from '../caller.ts';

/** What the document says about the claims of an issuer, an introspection or a login. */
export interface ClaimRules {
  readonly subject_claim: string;
  readonly roles_claim: string;
  readonly scopes_claim: string;
  readonly tenant_claim?: string | undefined;
  readonly consumer_claim?: string | undefined;
  readonly role_map?: Readonly<Record<string, string>> | undefined;
}

export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimedCaller {
  readonly method: AuthMethod;
  /** Name of the issuer, introspection or login in the document. */
  readonly source: string;
  readonly rules: ClaimRules;
  readonly claims: Claims;
  readonly granted: Grants;
  /** When the credential ends, tolerance included, milliseconds since the epoch; null: it does not say. */
  readonly expiresAt: number | null;
}

/** Roles and scopes beyond this many are more than any header could carry on. */
const mostNames = 256;
const longestName = 256;
const longestId = 512;
/**
 * Objects and lists within each other. Real claims have a handful. Callers are compared with what they were before, and a
 * comparison takes some of the stack for each level: 950 of them overflow it (measured, Node 26), and fit into 2 KiB.
 */
const mostLevels = 32;

/** The caller that verified claims describe. Throws TypeError, for the log, where they name nobody. */
export function claimedCaller(of: ClaimedCaller): Caller {
  const { claims, rules, granted } = of;
  if (!isShallow(claims)) throw new TypeError(`claims are nested more than ${mostLevels} levels deep`);
  const subject = text(claimAt(claims, rules.subject_claim), longestId);
  if (subject === null) throw new TypeError(`claim ${rules.subject_claim} names no subject`);
  const tokenId = claims['jti'] === undefined ? null : text(claims['jti'], longestId);
  // What cannot be named in a revocation could never be taken back.
  if (tokenId === null && claims['jti'] !== undefined)
    throw new TypeError('claim jti is no text of up to 512 characters');
  const roles = claimedRoles(rules, names(claimAt(claims, rules.roles_claim)));
  const consumer = rules.consumer_claim === undefined ? null : claimAt(claims, rules.consumer_claim);
  return {
    identity: {
      subject,
      kind: of.method,
      roles: granted.rolesOf(roles),
      scopes: granted.scopesOf(roles, names(claimAt(claims, rules.scopes_claim))),
      tenant: rules.tenant_claim === undefined ? null : text(claimAt(claims, rules.tenant_claim), longestId),
    },
    method: of.method,
    // Ids of consumers are names: anything else is none.
    consumer:
      typeof consumer === 'string' && /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(consumer) ? consumer : null,
    key: null,
    source: of.source,
    tokenId,
    issuedAt: claimedTime(claims, 'iat') ?? null,
    expiresAt: of.expiresAt,
    claims,
  };
}

/** Whether a value is nested no deeper than claims may be. Looks no deeper itself. */
export function isShallow(value: unknown, levels = mostLevels): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1));
}

/** The claim at a path like `realm_access.roles`; only what the token itself says, nothing that objects inherit. */
export function claimAt(claims: Claims, path: string): unknown {
  // Names with dots of their own (`https://example.com/roles`) stand before paths.
  if (Object.hasOwn(claims, path)) return claims[path];
  let at: unknown = claims;
  for (const part of path.split('.')) {
    if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, part))
      return undefined;
    at = (at as Claims)[part];
  }
  return at;
}

/** Seconds of the end of the year 9999, the last that RFC 3339 can write. */
const lastSecond = 253_402_300_799;

/**
 * A claim that is a time (RFC 7519 section 2, NumericDate), in milliseconds since the epoch; undefined where there is no
 * such claim, null where it is anything but a number of seconds between 1970 and the year 9999: `1e400` in JSON is read as
 * infinity, and a token with that for an end would never have one.
 */
export function claimedTime(claims: Claims, name: 'exp' | 'nbf' | 'iat'): number | null | undefined {
  if (!Object.hasOwn(claims, name)) return undefined;
  const seconds = claims[name];
  return typeof seconds === 'number' && seconds >= 0 && seconds <= lastSecond ? seconds * 1_000 : null;
}

/** A list of texts, or one text with names between spaces. Anything else names nothing. */
function names(value: unknown): string[] {
  const list =
    typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? (value as unknown[]) : [];
  return list
    .filter((each): each is string => typeof each === 'string' && each !== '' && isPlain(each, longestName))
    .slice(0, mostNames);
}

function text(value: unknown, longest: number): string | null {
  return typeof value === 'string' && value !== '' && isPlain(value, longest) ? value : null;
}

/** Identities travel as header fields of messages and in lines of logs: control characters have no place there. */
function isPlain(value: string, longest: number): boolean {
  return value.length <= longest && value.isWellFormed() && !/[\p{Cc}\u2028\u2029]/u.test(value);
}
