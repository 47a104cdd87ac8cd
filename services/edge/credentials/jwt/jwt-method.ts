import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { grants, type Grants } from '@sluice/policy';
import { Counter, readGauge } from '@sluice/telemetry';
import type { Caller } from '../../caller.ts';
import type { CredentialMethod, Credentials } from '../authenticator.ts';
import { badToken, bearerChallenge, bearerToken, cannotCheck } from '../bearer.ts';
import { claimedCaller } from '../claims.ts';
import type { MethodContext } from '../method-context.ts';
import { Issuers } from './issuers.ts';
import type { VerificationKey } from './jwks.ts';
import { isTokenShaped } from './token-parts.ts';
import { verifyToken, type VerifiedToken } from './verify-token.ts';

/** A token that was verified, and what that depended on. */
interface Known {
  readonly token: VerifiedToken;
  /** The set that held the key when somebody looked last. */
  keys: readonly VerificationKey[];
  /** Who it proves by the grants of a document; another document gives another caller. */
  caller: Caller;
  granted: Grants;
}

/** Verifications under way together; more are refused with 503 instead of being queued for the processor. */
const mostPending = 1_000;
/** Claims as objects and texts take a few times what they take in the token. */
const bytesOf = (token: string): number => 1_024 + 4 * token.length;

/**
 * JSON Web Tokens as bearer tokens. A token that was verified costs a hash and a look-up until it expires; a changed
 * document takes away only what depends on what has changed. Exits: 401, 503 while an issuer's keys were never read.
 */
export async function jwtMethod(context: MethodContext): Promise<CredentialMethod> {
  const { document, settings, registry } = context;
  const looks = new Counter({
    name: 'sluice_edge_key_set_reads_total',
    help: 'Attempts to read the key set of a token issuer, by result.',
    labelNames: ['result'],
    registers: [registry],
  });
  const issuers = new Issuers({
    changed: context.changed,
    report: context.report,
    observe: (result) => looks.inc({ result }),
  });
  const known = new LRUCache<string, Known>({ max: settings.tokenCache, maxSize: settings.tokenCacheBytes });
  const origins = new WeakMap<Caller, Known>();
  const pending = new Map<string, Promise<Caller>>();
  readGauge(
    registry,
    'sluice_edge_cached_tokens',
    'Verified tokens that this edge remembers.',
    () => known.size,
  );

  let granted = grants(document.current);
  issuers.apply(document.current);
  const stopFollowing = document.onChange((changed) => {
    granted = grants(changed);
    issuers.apply(changed);
  });
  // Not so that all of them are there, but so that those that can be are, before the first request.
  await issuers.settled();

  /** The caller as the document has it now; null where the token would have to be verified again. */
  function callerOf(entry: Known): Caller | null {
    const { token } = entry;
    const issuer = issuers.get(token.issuer.name);
    if (issuer === undefined || issuer.terms !== token.issuer.terms) return null;
    if (entry.keys !== issuer.keySet.keys) {
      if (!issuer.keySet.keys.includes(token.key)) return null;
      entry.keys = issuer.keySet.keys;
    }
    if (entry.granted !== granted) {
      entry.caller = toCaller(token, issuer.rules);
      entry.granted = granted;
      origins.set(entry.caller, entry);
    }
    return entry.caller;
  }

  function toCaller(token: VerifiedToken, rules = token.issuer.rules): Caller {
    const { issuer, claims, expiresAt } = token;
    return claimedCaller({ method: 'jwt', source: issuer.name, rules, claims, granted, expiresAt });
  }

  async function verify(token: string, digest: string): Promise<Caller> {
    for (;;) {
      const verified = await verifyToken(token, issuers);
      let caller: Caller;
      try {
        caller = toCaller(verified, issuers.get(verified.issuer.name)?.rules);
      } catch (error) {
        throw badToken(error);
      }
      const entry = { token: verified, keys: verified.keys, caller, granted };
      // Its key may have been withdrawn meanwhile, or its issuer be another: what counts is what is known now.
      if (callerOf(entry) === null) continue;
      origins.set(caller, entry);
      known.set(digest, entry, { size: bytesOf(token) });
      return caller;
    }
  }

  return {
    name: 'jwt',
    challenge: bearerChallenge,
    present(credentials: Credentials) {
      const token = bearerToken(credentials);
      return token !== null && isTokenShaped(token);
    },

    verify(credentials) {
      const token = bearerToken(credentials) as string;
      const digest = hash('sha256', token, 'base64url');
      const entry = known.get(digest);
      if (entry !== undefined) {
        const caller = callerOf(entry);
        if (caller !== null) return caller;
        known.delete(digest);
      }
      const same = pending.get(digest);
      if (same) return same;
      if (pending.size >= mostPending) throw cannotCheck('too many verifications');
      const verifying = verify(token, digest).finally(() => pending.delete(digest));
      pending.set(digest, verifying);
      return verifying;
    },

    current(caller) {
      const entry = origins.get(caller);
      return entry === undefined ? caller : callerOf(entry);
    },

    stop() {
      stopFollowing();
      issuers.stop();
    },
  };
}
