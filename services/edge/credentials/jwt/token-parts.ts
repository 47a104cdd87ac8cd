import type { Claims } from '../claims.ts';

/** What a token says before anybody has checked that it is true. */
export interface UnverifiedToken {
  readonly algorithm: string;
  readonly keyId: string | null;
  readonly claims: Claims;
}

/** Longer ones are refused unread; header fields together are bounded too. */
export const longestToken = 16 * 1024;

const compact = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Whether a text looks like a JSON Web Token: `{"` in base64url, and three parts. Cheap; the rest is checked later. */
export function isTokenShaped(text: string): boolean {
  if (!text.startsWith('ey')) return false;
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  return first !== -1 && second !== -1 && !text.includes('.', second + 1);
}

/** Header and claims of a signed token in compact form (RFC 7515 section 7.1). Throws TypeError or SyntaxError. */
export function readToken(token: string): UnverifiedToken {
  if (token.length > longestToken) throw new TypeError(`a token is longer than ${longestToken} characters`);
  if (!compact.test(token)) throw new TypeError('a token has three parts in base64url');
  const [header, claims] = token.split('.', 2) as [string, string];
  const { alg, kid } = readPart(header);
  if (typeof alg !== 'string') throw new TypeError('the header names no algorithm');
  if (kid !== undefined && typeof kid !== 'string') throw new TypeError('kid is no text');
  return { algorithm: alg, keyId: kid ?? null, claims: readPart(claims) };
}

function readPart(part: string): Claims {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('a part of the token is no JSON object');
  return value as Claims;
}
