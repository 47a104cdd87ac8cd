/** Connections per address. */
export class AddressLimit {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts a connection in; false when the address has as many as it may. */
  take(address: string): boolean {
    const count = this.#counts.get(address) ?? 0;
    if (count >= this.#limit) return false;
    this.#counts.set(address, count + 1);
    return true;
  }

  give(address: string): void {
    const count = this.#counts.get(address) ?? 0;
    if (count > 1) this.#counts.set(address, count - 1);
    else this.#counts.delete(address);
  }
}

/** Seconds of the average rate that may be used at once. */
const burstSeconds = 10;

/** How often one client may do something: a bucket that fills with the rate and holds a burst. */
export class RateLimit {
  readonly #perMs: number;
  readonly #size: number;
  #tokens: number;
  #filled = performance.now();

  constructor(perSecond: number) {
    this.#perMs = perSecond / 1_000;
    this.#size = perSecond * burstSeconds;
    this.#tokens = this.#size;
  }

  /** Takes `cost` tokens; false when there are too few, and then none are taken. */
  take(cost: number): boolean {
    const now = performance.now();
    this.#tokens = Math.min(this.#size, this.#tokens + (now - this.#filled) * this.#perMs);
    this.#filled = now;
    if (this.#tokens < cost) return false;
    this.#tokens -= cost;
    return true;
  }
}
