import { apiKeyPrefix } from '@sluice/policy';

/**
 * How the fields that credentials are sent in are read: here and nowhere else, so that what proves a caller and what is
 * kept from backends cannot be two different things.
 */

/** The text after `Bearer` (RFC 6750 section 2.1); null for another scheme. Not checked further. */
export function bearerIn(authorization: string): string | null {
  if (authorization.startsWith('Bearer ')) return bare(authorization, 7);
  // RFC 9110 section 11.1: schemes are case-insensitive.
  return /^bearer /i.test(authorization) ? bare(authorization, 7) : null;
}

/** What an `X-API-Key` field says. Not checked further, and perhaps a key of somebody else. */
export function apiKeyIn(field: string): string {
  return bare(field, 0);
}

/** Whether a text is meant as an API key of the gateway, good or bad. */
export function isApiKey(text: string | null): boolean {
  return text !== null && text.startsWith(apiKeyPrefix);
}

/**
 * Without the white space at its ends: spaces and tabs (RFC 9110 section 5.6.3). `trim` would take no-break spaces too,
 * which are part of a value. A loop, because `/[ \t]+$/` takes quadratic time for a value full of spaces.
 */
function bare(value: string, from: number): string {
  let to = value.length;
  while (from < to && isBlank(value.charCodeAt(from))) from++;
  while (to > from && isBlank(value.charCodeAt(to - 1))) to--;
  return value.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
