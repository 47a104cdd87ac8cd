import type { GiveBack } from '@sluice/limits';
import { LRUCache } from 'lru-cache';
import type { LimitSubject } from './key-text.ts';
import type { Meter } from './meter.ts';
import { TokenLease } from './token-lease.ts';

/** Leases that end within the same quarter of a second are looked at together. */
const bucketMs = 250;

/**
 * Every key that this edge knows something about, a bounded number: those that nobody has used for the longest time are
 * forgotten, and their tokens returned. What a forgotten key cost is one round trip.
 */
export class LeaseTable {
  readonly #leases: LRUCache<string, TokenLease>;
  /** Leases that hold tokens, by when those end. */
  readonly #ending = new Map<number, Set<TokenLease>>();
  readonly #return: (entry: GiveBack) => void;

  constructor(max: number, giveBack: (entry: GiveBack) => void) {
    this.#return = giveBack;
    this.#leases = new LRUCache({
      max,
      dispose: (lease) => this.#drop(lease),
      noDisposeOnSet: true,
    });
  }

  get size(): number {
    return this.#leases.size;
  }

  /** Whether tokens are held that have to be returned some day. */
  get holding(): boolean {
    return this.#ending.size > 0;
  }

  of(meter: Meter, subject: LimitSubject): TokenLease {
    const key = meter.keyText(subject);
    const id = meter.id + key;
    let lease = this.#leases.get(id);
    if (lease === undefined) this.#leases.set(id, (lease = new TokenLease(meter, key)));
    return lease;
  }

  /** To be called after a lease was given tokens: what is left of them when they end is returned. */
  hold(lease: TokenLease): void {
    if (lease.left === 0) return;
    const bucket = Math.floor(lease.until / bucketMs) + 1;
    const ending = this.#ending.get(bucket);
    if (ending === undefined) this.#ending.set(bucket, new Set([lease]));
    else ending.add(lease);
  }

  /** Returns what was not spent in time. */
  returnEnded(now: number): void {
    const current = now / bucketMs;
    for (const [bucket, leases] of this.#ending) {
      if (bucket > current) continue;
      this.#ending.delete(bucket);
      // One that was renewed meanwhile is in a later bucket, too.
      for (const lease of leases) if (now >= lease.until) this.#giveUp(lease);
    }
  }

  /** Forgets the leases of meters that are retired, and gives those on which calls still wait. */
  retire(): TokenLease[] {
    const waiting: TokenLease[] = [];
    const retired = [...this.#leases.entries()].filter(([, lease]) => lease.meter.retired);
    for (const [id, lease] of retired) {
      if (lease.waiting.length > 0) waiting.push(lease);
      this.#leases.delete(id);
    }
    return waiting;
  }

  /** Returns everything, for the end. */
  clear(): void {
    this.#leases.clear();
    this.#ending.clear();
  }

  #drop(lease: TokenLease): void {
    lease.dropped = true;
    this.#giveUp(lease);
  }

  #giveUp(lease: TokenLease): void {
    const entry = lease.release();
    if (entry !== null) this.#return(entry);
  }
}
