import { SluiceError } from '@sluice/errors';

/** Connections that are open at once, by whatever they are counted by. */
export class ConnectionCount {
  readonly #counts = new Map<string, number>();

  /** Counts a connection in; false when there are `limit` of them. */
  take(key: string, limit: number): boolean {
    const count = this.#counts.get(key) ?? 0;
    if (count >= limit) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  give(key: string): void {
    const count = this.#counts.get(key) ?? 0;
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
  }
}

/** Seconds of the average rate that may be used at once. */
const burstSeconds = 10;

/** How often one client may do something: a bucket that fills with the rate and holds a burst. */
export class RateLimit {
  #perMs: number;
  #size: number;
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

  /** From now on another rate. What has been saved up is kept as far as it fits. */
  change(perSecond: number): void {
    this.#perMs = perSecond / 1_000;
    this.#size = perSecond * burstSeconds;
  }
}

/** For a message that finds too few tokens, or too many others before it. */
export function tooFast(): SluiceError {
  return new SluiceError('too_many_requests', 'Messages come faster than this connection may send them.');
}
