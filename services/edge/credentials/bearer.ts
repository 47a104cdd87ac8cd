import { SluiceError } from '@sluice/errors';
import type { Credentials } from './authenticator.ts';
import { bearerIn } from './fields.ts';

/** Protection space of every route (RFC 9110 section 11.5): one gateway, one realm. */
export const bearerChallenge = 'Bearer realm="sluice"';

/** The text after `Bearer` (RFC 6750 section 2.1), else the token of a query; null where there is none. Not checked further. */
export function bearerToken({ authorization, queryToken }: Credentials): string | null {
  return (authorization === null ? null : bearerIn(authorization)) ?? queryToken;
}

/**
 * 401 for a credential that was sent and is not good; `challenge` where it was no bearer token (RFC 6750 section 3.1 has
 * error codes for those only). Why stays in `cause`, for the log: who is told what was wrong is told what to change.
 */
export function badToken(
  cause?: unknown,
  challenge = `${bearerChallenge}, error="invalid_token"`,
): SluiceError {
  return new SluiceError('unauthorized', 'The credentials that were sent are not valid, or no longer.', {
    headers: { 'www-authenticate': challenge },
    cause,
  });
}

/** 503 for what cannot be checked at the moment: it may well be good. */
export function cannotCheck(cause?: unknown): SluiceError {
  return new SluiceError('unavailable', 'The credentials cannot be checked at the moment.', { cause });
}
