import { SluiceError } from '@sluice/errors';
import type { GiveBack, Want } from '@sluice/limits';
import type { FlatHeaders } from '@sluice/wire';
import type { Call } from './call.ts';
import { limitFields } from './fields.ts';
import type { LimitSubject } from './key-text.ts';
import type { LeaseAnswer, Leaser } from './lease-client.ts';
import { LeaseTable } from './lease-table.ts';
import type { Plan } from './plans.ts';
import { refusal } from './refusal.ts';
import type { TokenLease } from './token-lease.ts';
import { WaitingLeases } from './waiting.ts';

/** A call as the limiter sees it; an exchange is one. */
export interface LimitedCall extends LimitSubject {
  readonly outlet: { readonly gone: boolean };
  addHeaders(fields: FlatHeaders): void;
}

export interface LimiterOptions {
  readonly leaser: Leaser;
  /** What a call spends now; null for nothing. Asked again where the document changes while a call waits. */
  readonly planOf: (call: LimitSubject) => Plan | null;
  /** Keys that are remembered. */
  readonly mostKeys: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** Called when `tick` has something to do from now on. */
  readonly wake: () => void;
}

type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'refuse'; readonly error: SluiceError }
  | { readonly kind: 'wait'; readonly on: TokenLease };

const pass = { kind: 'pass' } as const;

/** Leases that are over when they arrive are as good as none: after so many of them a call is decided without. */
const mostAsked = 8;

/** Calls that wait for the lease of one key at most: each is a connection that somebody holds open. */
const mostWaiting = 10_000;

/**
 * Decides calls. One whose leases are at hand costs a look into the table per meter. Otherwise it asks for all the leases
 * it lacks in one message and waits, with others of the same key, in order. Tokens are taken from all meters or from none.
 */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #now: () => number;
  readonly #table: LeaseTable;
  readonly #waiting = new WaitingLeases();
  #returns: GiveBack[] = [];

  constructor(options: LimiterOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#table = new LeaseTable(options.mostKeys, (entry) => this.#giveBack(entry));
  }

  /** Keys that are remembered. */
  get keys(): number {
    return this.#table.size;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiting.calls;
  }

  /** Whether `tick` has anything to do. */
  get busy(): boolean {
    return this.#waiting.calls > 0 || this.#table.holding || this.#returns.length > 0;
  }

  /** Resolves, or returns, for a call that may go on. Throws or rejects with SluiceError: 429, and 503 where a policy says so. */
  admit(call: LimitedCall): void | Promise<void> {
    const plan = this.#options.planOf(call);
    if (plan === null) return undefined;
    const leases = this.#leases(plan, call);
    const now = this.#now();
    const { cost } = plan;
    for (const lease of leases)
      if (lease.waiting.length > 0 || !lease.has(cost, now)) return this.#decide(call, plan, leases, now);
    for (const lease of leases) this.#spend(lease, cost, now);
    call.addHeaders(limitFields(plan.policyField, leases, now));
    return undefined;
  }

  /** Has to be called every few hundredths of a second while `busy`: for calls that wait, and tokens that end. */
  tick(): void {
    const now = this.#now();
    this.#table.returnEnded(now);
    for (const lease of this.#waiting.leases()) if (!lease.asking) this.#drain(lease, now);
    this.#flushReturns();
  }

  /** To be called after meters were retired: their tokens go back, and calls that wait begin anew. */
  retire(): void {
    const now = this.#now();
    for (const lease of this.#table.retire())
      for (const waiting of this.#waiting.takeAll(lease)) this.#again(waiting, now);
    this.#flushReturns();
  }

  /** Returns every token that is held. */
  stop(): void {
    this.#table.clear();
    this.#flushReturns();
  }

  #leases(plan: Plan, call: LimitSubject): TokenLease[] {
    const { meters } = plan;
    const leases: TokenLease[] = [];
    for (let i = 0; i < meters.length; i++)
      leases.push(this.#table.of(meters[i] as (typeof meters)[number], call));
    return leases;
  }

  #spend(lease: TokenLease, cost: number, now: number): void {
    lease.spend(cost);
    lease.meter.counts.admitted++;
    if (lease.left < lease.low && !lease.asking && this.#options.leaser.available(now))
      this.#ask([lease], 1, now);
  }

  #decide(call: LimitedCall, plan: Plan, leases: TokenLease[], now: number): void | Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Call = {
      subject: call,
      plan,
      leases,
      arrivedAt: now,
      queued: false,
      asked: 0,
      gone: () => call.outlet.gone,
      resolve: () => {
        call.addHeaders(limitFields(waiting.plan.policyField, waiting.leases, this.#now()));
        resolve();
      },
      reject: (error) => {
        call.addHeaders(limitFields(waiting.plan.policyField, waiting.leases, this.#now()));
        reject(error);
      },
    };
    this.#begin(waiting, now);
    return promise;
  }

  #begin(call: Call, now: number): void {
    const verdict = this.#judge(call, null, now);
    if (verdict.kind === 'wait') this.#queue(call, verdict.on);
    else this.#settle(call, verdict);
  }

  /** The document has changed under a call that waits. */
  #again(call: Call, now: number): void {
    const plan = this.#options.planOf(call.subject);
    if (plan === null) return call.resolve();
    call.plan = plan;
    call.leases = this.#leases(plan, call.subject);
    return this.#begin(call, now);
  }

  #queue(call: Call, lease: TokenLease): void {
    this.#waiting.add(lease, call);
    this.#options.wake();
  }

  #settle(call: Call, verdict: Exclude<Verdict, { kind: 'wait' }>): void {
    if (verdict.kind === 'pass') call.resolve();
    else call.reject(verdict.error);
  }

  /** `head` is the lease in whose queue the call is first: it need not wait for itself there. */
  #judge(call: Call, head: TokenLease | null, now: number): Verdict {
    const { cost } = call.plan;
    const { leaser } = this.#options;
    const refused: TokenLease[] = [];
    const closed: TokenLease[] = [];
    const lacking: TokenLease[] = [];
    let on: TokenLease | null = null;
    for (const lease of call.leases) {
      const first = lease === head || lease.waiting.length === 0;
      if (first && lease.has(cost, now)) continue;
      if (cost > lease.meter.limit || (!lease.has(cost, now) && lease.usedUp(cost, now))) {
        if (this.#mayQueue(call, lease, head, now)) on ??= lease;
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
    if (lacking.length > 0) {
      call.asked++;
      this.#ask(lacking, cost, now, head === null);
      on ??= head !== null && lacking.includes(head) ? head : (lacking[0] as TokenLease);
    }
    if (on !== null) return { kind: 'wait', on };
    for (const lease of call.leases)
      if (lease.has(cost, now)) this.#spend(lease, cost, now);
      else {
        lease.spendEmergency(cost, now);
        lease.meter.counts.emergency++;
      }
    return pass;
  }

  /** Whether a call may wait for used tokens to come back, as its policy's `throttle` says. */
  #mayQueue(call: Call, lease: TokenLease, head: TokenLease | null, now: number): boolean {
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

  /** `extra`: the call that causes it is not in the queues yet. */
  #ask(leases: readonly TokenLease[], cost: number, now: number, extra = false): void {
    const wants = leases.map((lease) => {
      lease.asking = true;
      const need = lease.waiting[0]?.plan.cost ?? cost;
      return lease.want(need, lease.waitingCost + (extra ? cost : 0), now);
    });
    this.#options.leaser.ask(wants).then(
      (answer) => this.#answered(leases, wants, answer),
      () => {
        for (const lease of leases) lease.asking = false;
        const failedAt = this.#now();
        for (const lease of leases) this.#drain(lease, failedAt);
      },
    );
  }

  #answered(leases: readonly TokenLease[], wants: readonly Want[], { grants, sentAt }: LeaseAnswer): void {
    const now = this.#now();
    leases.forEach((lease, i) => {
      const grant = grants[i] as LeaseAnswer['grants'][number];
      lease.asking = false;
      // Granted under a limit that is no longer the document's, or for a key that was forgotten and may be known anew.
      const back =
        lease.dropped || lease.meter.retired
          ? lease.refuse(grant)
          : lease.accept(grant, wants[i] as Want, sentAt, now);
      if (back !== null) this.#giveBack(back);
    });
    for (const lease of leases) {
      if (lease.dropped) for (const call of this.#waiting.takeAll(lease)) this.#again(call, now);
      else this.#drain(lease, now);
      this.#table.hold(lease);
    }
    if (this.busy) this.#options.wake();
  }

  /** Decides the calls that wait for a lease, in their order, as far as its tokens reach. */
  #drain(lease: TokenLease, now: number): void {
    for (;;) {
      const [call] = lease.waiting;
      if (call === undefined) return;
      if (call.gone()) {
        this.#waiting.shift(lease);
        call.reject(new SluiceError('too_many_requests', 'The client has gone.'));
        continue;
      }
      const verdict = this.#judge(call, lease, now);
      if (verdict.kind === 'wait' && verdict.on === lease) return;
      this.#waiting.shift(lease);
      if (verdict.kind === 'wait') this.#queue(call, verdict.on);
      else this.#settle(call, verdict);
    }
  }

  #giveBack(entry: GiveBack): void {
    this.#returns.push(entry);
    this.#options.wake();
  }

  #flushReturns(): void {
    if (this.#returns.length === 0) return;
    const entries = this.#returns;
    this.#returns = [];
    this.#options.leaser.giveBack(entries);
  }
}
