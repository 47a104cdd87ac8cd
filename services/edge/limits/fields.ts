import type { FlatHeaders } from '@sluice/wire';
import type { Meter } from './meter.ts';
import type { TokenLease } from './token-lease.ts';

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers-10. Both are lists of RFC 9651 whose items are strings: names hold
 * letters, digits, `_`, `-` and a dot, so nothing in them needs escaping and they are put together as text.
 */

/** `"burst";q=100;w=60`, the quota and the window in seconds. A month has no fixed length, and no `w`. */
export function policyField(meters: readonly Meter[]): string {
  return meters
    .map(({ name, limit, windowMs, period }) =>
      period === 'month' ? `"${name}";q=${limit}` : `"${name}";q=${limit};w=${Math.ceil(windowMs / 1_000)}`,
    )
    .join(', ');
}

/** `"burst";r=50;t=30`, what is left, and the seconds until used tokens come back; with the policies, ready for an answer. */
export function limitFields(field: string, leases: readonly TokenLease[], now: number): FlatHeaders {
  let text = '';
  for (const lease of leases) {
    if (text !== '') text += ', ';
    text += `"${lease.meter.name}";r=${lease.remaining(now)};t=${lease.secondsToReset(now)}`;
  }
  return ['ratelimit-policy', field, 'ratelimit', text];
}
