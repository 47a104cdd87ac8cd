import type { Grant, Want } from '@sluice/limits';
import { gatewaySchema, type GatewayInput } from '@sluice/policy';
import { describe, expect, it } from 'vitest';
import type { Call } from './call.ts';
import { compileMeters } from './meter.ts';
import { TokenLease } from './token-lease.ts';
import { judge } from './verdict.ts';

const now = 1_000;
const up = { available: () => true };

function leaseOf(limit: NonNullable<GatewayInput['limits']>[string]): TokenLease {
  const counts = { admitted: 0, refused: 0, emergency: 0, unavailable: 0, queued: 0 };
  const [meter] = compileMeters(gatewaySchema.parse({ limits: { a: limit } }), new Map(), () => counts).get(
    'a',
  )!;
  return new TokenLease(meter!, 'key');
}

const wide = () => leaseOf({ limit: 100_000, window: '1m', key: ['address'] });
const closed = () => leaseOf({ limit: 10, window: '1m', key: ['address'], on_failure: 'closed' });

function grant(lease: TokenLease, n: number): TokenLease {
  const answer: Grant = { place: '1', n, forMs: 4_000, left: 50, resetMs: 6_000, retryMs: 3_000 };
  lease.accept(answer, { need: 1 } as Want, now, now);
  return lease;
}

function callOf(leases: readonly TokenLease[], more: Partial<Call> = {}): Call {
  return {
    subject: {} as never,
    plan: { meters: leases.map(({ meter }) => meter), cost: 1, policyField: '' },
    leases,
    arrivedAt: now,
    queued: false,
    asked: 0,
    gone: () => false,
    resolve: () => {},
    reject: () => {},
    ...more,
  };
}

/** Puts a call before everyone else's in the queue of a lease. */
function ahead(lease: TokenLease, calls = 1): void {
  lease.waiting.push(...Array.from({ length: calls }, () => callOf([lease])));
}

describe('a call is judged', () => {
  it('without taking or asking for a token', () => {
    const [held, bare] = [grant(wide(), 5), wide()];
    const call = callOf([held, bare]);
    expect(judge(call, null, up, now)).toEqual({ kind: 'wait', on: bare, lacking: [bare] });
    expect(judge(callOf([held]), null, up, now)).toEqual({ kind: 'pass' });
    expect([held.left, bare.asking, call.asked]).toEqual([5, false, 0]);
  });

  it('to wait behind others of its key, and not behind itself', () => {
    const lease = grant(wide(), 5);
    ahead(lease);
    expect(judge(callOf([lease]), null, up, now)).toEqual({ kind: 'wait', on: lease, lacking: [] });
    expect(judge(callOf([lease]), lease, up, now)).toEqual({ kind: 'pass' });
  });

  it('to stay where it is first while it asks for several', () => {
    const [other, head] = [wide(), wide()];
    ahead(head);
    expect(judge(callOf([other, head]), head, up, now)).toEqual({
      kind: 'wait',
      on: head,
      lacking: [other, head],
    });
  });

  it('to be refused where ten thousand wait already, unless it is the first of them', () => {
    const lease = wide();
    lease.asking = true;
    ahead(lease, 10_000);
    expect(judge(callOf([lease]), null, up, now)).toMatchObject({
      kind: 'refuse',
      error: { code: 'too_many_requests' },
    });
    expect(judge(callOf([lease]), lease, up, now).kind).toBe('wait');
    expect(lease.meter.counts.refused).toBe(1);
  });

  it('without a lease after eight that were over when they came', () => {
    const [open, shut] = [wide(), closed()];
    expect(judge(callOf([open, shut], { asked: 7 }), null, up, now)).toMatchObject({
      lacking: [open, shut],
    });
    expect(judge(callOf([open], { asked: 8 }), null, up, now)).toEqual({ kind: 'pass' });
    expect(judge(callOf([open, shut], { asked: 8 }), null, up, now)).toMatchObject({
      kind: 'refuse',
      error: { code: 'unavailable' },
    });
  });

  it('to wait for used tokens as long as its policy lets it, asking from the beginning', () => {
    const lease = grant(
      leaseOf({ limit: 2, window: '20s', key: ['address'], throttle: { delay: '3s', queue: 1 } }),
      0,
    );
    const call = callOf([lease], { asked: 8 });
    expect(judge(call, null, up, now)).toEqual({ kind: 'wait', on: lease, lacking: [] });
    expect([call.queued, call.asked, lease.meter.counts.queued]).toEqual([true, 0, 1]);
    // Its time is over before the tokens are back.
    expect(judge(callOf([lease], { arrivedAt: now - 1 }), null, up, now).kind).toBe('refuse');
    ahead(lease);
    expect(judge(callOf([lease]), null, up, now).kind).toBe('refuse');
    expect(judge(call, lease, up, now).kind).toBe('wait');
    expect(lease.meter.counts.queued).toBe(1);
  });
});
