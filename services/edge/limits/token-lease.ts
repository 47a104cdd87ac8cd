import { hashKey, slotMs, type GiveBack, type Grant, type Want } from '@sluice/limits';
import type { Call } from './call.ts';
import { LocalWindow } from './local-window.ts';
import type { Meter } from './meter.ts';

/** So much of a key's use, in milliseconds, is leased at once; of short slots, which leases do not outlive, half of one. */
function leasedUseMs({ windowMs, kind }: Meter): number {
  return kind === 'period' ? 500 : Math.min(500, slotMs(windowMs) / 2);
}

/** Of what is left, an edge leases at most this part ahead of demand: there are others. */
const share = 4;
/** Smaller leases are spent before a new one could arrive ahead of its time. */
const leastAhead = 8;

/** How long "used up" is believed: tokens may come back early, from edges that did not spend theirs. */
function believedMs(windowMs: number): number {
  return Math.min(10_000, Math.max(200, windowMs / 60));
}

/** What one edge holds of one counter, and what it knows about it. Times are monotonic milliseconds. */
export class TokenLease {
  readonly meter: Meter;
  /** What is counted together; see `key-text.ts`. */
  readonly key: string;
  /** Tokens that may be spent before `until`. */
  left = 0;
  until = 0;
  /** Below this many the next lease is asked for, ahead of time. */
  low = 0;
  asking = false;
  /** Dropped from the table; what it still gets goes back. */
  dropped = false;
  /** Calls that wait for tokens, in order, and their costs together. */
  waiting: Call[] = [];
  waitingCost = 0;
  #place = '';
  #othersLeft: number;
  #resetAt = 0;
  #usedUpUntil = 0;
  /** A call of this cost or more was refused. */
  #usedUpFor = 0;
  #retryAt = 0;
  #granted = 0;
  #spent = 0;
  #askedAt = 0;
  /** Tokens per millisecond, lately. */
  #rate = 0;
  #emergency: LocalWindow | null = null;
  /** Nobody grants leases: what is left is what the emergency limit leaves. */
  #alone = false;

  constructor(meter: Meter, key: string) {
    this.meter = meter;
    this.key = key;
    this.#othersLeft = meter.limit;
  }

  has(cost: number, now: number): boolean {
    return this.left >= cost && now < this.until;
  }

  /** Only after `has`. */
  spend(cost: number): void {
    this.left -= cost;
    this.#spent += cost;
  }

  /** Whether it is known that nothing is left for a call of this cost. */
  usedUp(cost: number, now: number): boolean {
    return now < this.#usedUpUntil && cost >= this.#usedUpFor;
  }

  /** Milliseconds until a refused call can be admitted, if nobody else comes before it. */
  retryMs(now: number): number {
    return Math.max(0, this.#retryAt - now);
  }

  /** Whether an edge on its own may let a call of this cost pass while nobody grants leases. */
  emergencyRoom(cost: number, now: number): boolean {
    this.#emergency ??= new LocalWindow(this.meter.emergency, this.meter.windowMs);
    this.#alone = true;
    return this.#emergency.room(now) >= cost;
  }

  /** Only after `emergencyRoom`. */
  spendEmergency(cost: number, now: number): void {
    this.#emergency?.take(cost, now);
  }

  /** Tokens that are left, here and elsewhere, as far as this edge knows. */
  remaining(now: number): number {
    if (this.#alone && this.#emergency !== null) return Math.max(0, this.#emergency.room(now));
    return (now < this.until ? this.left : 0) + this.#othersLeft;
  }

  secondsToReset(now: number): number {
    const at = now < this.#usedUpUntil ? this.#retryAt : this.#resetAt;
    return Math.max(0, Math.ceil((at === 0 ? this.meter.windowMs : at - now) / 1_000));
  }

  /** What to ask for: what calls wait for, and ahead of them what the key uses in half a second. */
  want(need: number, demand: number, now: number): Want {
    const elapsed = now - this.#askedAt;
    if (this.#askedAt > 0 && elapsed > 0) this.#rate = (this.#rate + this.#spent / elapsed) / 2;
    this.#spent = 0;
    this.#askedAt = now;
    const ahead = Math.min(
      Math.ceil(this.#rate * leasedUseMs(this.meter)),
      2 * this.#granted,
      Math.floor(this.#othersLeft / share),
    );
    const { meter } = this;
    const n = Math.min(meter.limit, Math.max(demand, ahead, need));
    const { limit } = meter;
    return meter.period === null
      ? { kind: 'window', counter: this.#counter(), windowMs: meter.windowMs, limit, n, need }
      : { kind: 'period', counter: this.#counter(), period: meter.period, limit, n, need };
  }

  /** Takes in what was granted at a request sent at `sentAt`. Gives tokens that are of no use here, to be returned. */
  accept(grant: Grant, want: Want, sentAt: number, now: number): GiveBack | null {
    const until = sentAt + grant.forMs;
    this.#alone = false;
    this.#othersLeft = grant.left;
    this.#resetAt = now + grant.resetMs;
    if (grant.n === 0) {
      this.low = 0;
      this.#usedUpFor = want.need;
      this.#retryAt = now + grant.retryMs;
      this.#usedUpUntil = now + Math.min(grant.retryMs, believedMs(this.meter.windowMs));
      return null;
    }
    this.#usedUpUntil = 0;
    if (until <= now) return this.#giveBack(grant.place, grant.n);
    this.#granted = grant.n;
    const ahead = grant.n >= leastAhead && grant.left >= grant.n;
    this.low = ahead ? Math.floor(grant.n / share) : 0;
    if (this.#place === grant.place) {
      this.left += grant.n;
      this.until = Math.max(this.until, until);
      return null;
    }
    const old = this.release();
    this.#place = grant.place;
    this.left = grant.n;
    this.until = until;
    return old;
  }

  /** Gives up the tokens it holds, to be returned; null when there are none. */
  release(): GiveBack | null {
    const n = this.left;
    this.left = 0;
    this.low = 0;
    return n > 0 ? this.#giveBack(this.#place, n) : null;
  }

  /** All of a grant, for a lease that has been dropped. */
  refuse(grant: Grant): GiveBack | null {
    return grant.n > 0 ? this.#giveBack(grant.place, grant.n) : null;
  }

  #counter(): string {
    const { policy, kind } = this.meter;
    return kind === 'period' ? `${this.key}.${policy}` : `${policy}.${hashKey(this.key)}`;
  }

  #giveBack(place: string, n: number): GiveBack {
    const counter = this.#counter();
    return this.meter.kind === 'period'
      ? { kind: 'period', counter, place, n }
      : { kind: 'window', counter, windowMs: this.meter.windowMs, place, n };
  }
}
