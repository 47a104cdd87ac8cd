import { SluiceError } from '@sluice/errors';
import type { FlatHeaders } from '@sluice/wire';
import type { Call } from './call.ts';
import { limitFields } from './fields.ts';
import type { LimitSubject } from './key-text.ts';
import type { Leaser } from './lease-client.ts';
import { LeaseTable } from './lease-table.ts';
import type { Plan } from './plans.ts';
import type { TokenLease } from './token-lease.ts';
import { TokenSupply } from './token-supply.ts';
import { judge, type Verdict } from './verdict.ts';
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

/**
 * Decides calls. One whose leases are at hand costs a look into the table per meter. Otherwise it asks for all the leases
 * it lacks in one message and waits, with others of the same key, in order. Tokens are taken from all meters or from none.
 */
export class Limiter {
  readonly #options: LimiterOptions;
  readonly #now: () => number;
  readonly #table: LeaseTable;
  readonly #waiting = new WaitingLeases();
  readonly #supply: TokenSupply;

  constructor(options: LimiterOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#supply = new TokenSupply({
      leaser: options.leaser,
      now: this.#now,
      onAnswer: (leases, now) => this.#answered(leases, now),
      onFailure: (leases, now) => {
        for (const lease of leases) this.#drain(lease, now);
      },
      wake: options.wake,
    });
    this.#table = new LeaseTable(options.mostKeys, (entry) => this.#supply.giveBack(entry));
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
    return this.#waiting.calls > 0 || this.#table.holding || this.#supply.returning;
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
    this.#supply.flush();
  }

  /** To be called after meters were retired: their tokens go back, and calls that wait begin anew. */
  retire(): void {
    const now = this.#now();
    for (const lease of this.#table.retire())
      for (const waiting of this.#waiting.takeAll(lease)) this.#again(waiting, now);
    this.#supply.flush();
  }

  /** Returns every token that is held. */
  stop(): void {
    this.#table.clear();
    this.#supply.flush();
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
      this.#supply.ask([lease], 1, now);
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

  /** Judges a call and does what the verdict asks of its leases. `head`: the lease in whose queue it is first. */
  #judge(call: Call, head: TokenLease | null, now: number): Verdict {
    const verdict = judge(call, head, this.#options.leaser, now);
    if (verdict.kind === 'pass') this.#spendAll(call, now);
    else if (verdict.kind === 'wait' && verdict.lacking.length > 0) {
      call.asked++;
      this.#supply.ask(verdict.lacking, call.plan.cost, now, head === null);
    }
    return verdict;
  }

  #spendAll({ plan: { cost }, leases }: Call, now: number): void {
    for (const lease of leases)
      if (lease.has(cost, now)) this.#spend(lease, cost, now);
      else {
        lease.spendEmergency(cost, now);
        lease.meter.counts.emergency++;
      }
  }

  #answered(leases: readonly TokenLease[], now: number): void {
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
}
