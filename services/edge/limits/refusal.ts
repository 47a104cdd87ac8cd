import { SluiceError } from '@sluice/errors';
import type { Plan } from './plans.ts';
import type { TokenLease } from './token-lease.ts';

/** After this many seconds a failure may be over. */
const failureSeconds = 1;

/**
 * Why a call is refused: 429 where a limit or quota is reached, with the time of the one that takes longest, and 503 only
 * where a policy wants it while nobody can tell. Counts it at the meters.
 */
export function refusal(
  plan: Plan,
  refused: readonly TokenLease[],
  closed: readonly TokenLease[],
  now: number,
): SluiceError {
  for (const { meter } of refused) meter.counts.refused++;
  for (const { meter } of closed) meter.counts.unavailable++;
  const strictest = longest(refused, now);
  if (strictest === null)
    return new SluiceError('unavailable', 'Limits cannot be checked at the moment.', {
      retryAfter: failureSeconds,
    });
  const { meter } = strictest;
  const { cost } = plan;
  const retryMs = cost > meter.limit ? meter.windowMs : strictest.retryMs(now);
  const retryAfter = Math.max(1, Math.ceil(retryMs / 1_000));
  return meter.kind === 'period'
    ? new SluiceError('quota_exceeded', `The quota "${meter.name}" is used up.`, { retryAfter })
    : new SluiceError('too_many_requests', `The limit "${meter.name}" is reached.`, { retryAfter });
}

function longest(leases: readonly TokenLease[], now: number): TokenLease | null {
  let found: TokenLease | null = null;
  for (const lease of leases) if (found === null || lease.retryMs(now) > found.retryMs(now)) found = lease;
  return found;
}
