import type { SluiceError } from '@sluice/errors';
import type { Call } from './call.ts';
import type { Leaser } from './lease-client.ts';
import { refusal } from './refusal.ts';
import type { TokenLease } from './token-lease.ts';

/** What becomes of a call for now. */
export type Verdict =
  /** Each of its leases has the tokens, or the emergency limit of its meter has room. */
  | { readonly kind: 'pass' }
  /** 429, or 503 where a policy says so. */
  | { readonly kind: 'refuse'; readonly error: SluiceError }
  /** In the queue of `on`. Tokens have to be asked for at `lacking`; for those of any other lease somebody has asked. */
  | { readonly kind: 'wait'; readonly on: TokenLease; readonly lacking: readonly TokenLease[] };

const pass = { kind: 'pass' } as const;

/** Leases that are over when they arrive are as good as none: after so many of them a call is decided without. */
const mostAsked = 8;

/** Calls that wait for the lease of one key at most: each is a connection that somebody holds open. */
const mostWaiting = 10_000;

/**
 * Judges a call that could not be decided at once. Tokens are neither taken nor asked for here: that is for whoever acts on
 * the verdict. `head` is the lease in whose queue the call is first: it need not wait for itself there. Monotonic
 * milliseconds.
 */
export function judge(
  call: Call,
  head: TokenLease | null,
  leaser: Pick<Leaser, 'available'>,
  now: number,
): Verdict {
  const { cost } = call.plan;
  const refused: TokenLease[] = [];
  const closed: TokenLease[] = [];
  const lacking: TokenLease[] = [];
  let on: TokenLease | null = null;
  for (const lease of call.leases) {
    const first = lease === head || lease.waiting.length === 0;
    if (first && lease.has(cost, now)) continue;
    if (cost > lease.meter.limit || (!lease.has(cost, now) && lease.usedUp(cost, now))) {
      if (mayQueue(call, lease, head, now)) on ??= lease;
      else refused.push(lease);
    } else if (!first || lease.asking) {
      if (lease.waiting.length < mostWaiting || lease === head) on ??= lease;
      else refused.push(lease);
    } else if (call.asked < mostAsked && leaser.available(now)) lacking.push(lease);
    else if (lease.meter.onFailure === 'closed') closed.push(lease);
    else if (!lease.emergencyRoom(cost, now)) refused.push(lease);
  }
  if (refused.length > 0 || closed.length > 0)
    return { kind: 'refuse', error: refusal(call.plan, refused, closed, now) };
  if (lacking.length > 0) on ??= head !== null && lacking.includes(head) ? head : (lacking[0] as TokenLease);
  return on === null ? pass : { kind: 'wait', on, lacking };
}

/** Whether a call may wait for used tokens to come back, as its policy's `throttle` says. */
function mayQueue(call: Call, lease: TokenLease, head: TokenLease | null, now: number): boolean {
  const { throttle, limit, counts } = lease.meter;
  if (throttle === null || call.plan.cost > limit) return false;
  const until = call.arrivedAt + throttle.delayMs;
  if (now >= until || now + lease.retryMs(now) > until) return false;
  if (lease !== head && lease.waiting.length >= throttle.queue) return false;
  if (!call.queued) counts.queued++;
  call.queued = true;
  call.asked = 0;
  return true;
}
