import { slotAt, slots } from '@sluice/limits';

/**
 * A sliding window that one edge keeps by itself, for the time in which nobody grants leases: never more than `limit` in
 * any window, by the same arithmetic as the shared counters.
 */
export class LocalWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  /** Tokens of the last eleven slots; slot `n` is at `n % 11`. */
  readonly #used = new Float64Array(slots + 1);
  #slot = Number.NEGATIVE_INFINITY;
  #sum = 0;

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Tokens that may be taken now; `now` is monotonic milliseconds. */
  room(now: number): number {
    this.#advance(now);
    return this.#limit - this.#sum;
  }

  take(cost: number, now: number): void {
    this.#advance(now);
    const at = this.#slot % this.#used.length;
    this.#used[at] = (this.#used[at] as number) + cost;
    this.#sum += cost;
  }

  #advance(now: number): void {
    const slot = slotAt(now, this.#windowMs);
    const { length } = this.#used;
    if (slot - this.#slot >= length) {
      this.#used.fill(0);
      this.#sum = 0;
    } else
      for (let at = this.#slot + 1; at <= slot; at++) {
        this.#sum -= this.#used[at % length] as number;
        this.#used[at % length] = 0;
      }
    this.#slot = Math.max(this.#slot, slot);
  }
}
