import type { ServerTime } from '@sluice/nats';

/** Server time as far as it is known: it lies between the two, milliseconds since the epoch. */
export interface TimeBounds {
  readonly earliest: number;
  readonly latest: number;
}

/** The rates of two clocks that are kept in step by NTP differ by no more than this. */
const drift = 500e-6;

/**
 * The time of the JetStream leader, told from a few looks at it and carried on by the monotonic clock: whatever the wall
 * clocks of workers and edges say, all of them count in the same slots. Every look narrows the bounds, which widen in
 * between by what clocks drift apart. A look that contradicts them means that the leader's clock was set, or that
 * another server leads: then only the look counts.
 */
export class ServerClock {
  readonly #now: () => number;
  readonly #onStep: (byMs: number) => void;
  /** Server time minus monotonic time, at the monotonic time `#at`. */
  #low = Number.NEGATIVE_INFINITY;
  #high = Number.POSITIVE_INFINITY;
  #at = 0;

  constructor(options: { now?: () => number; onStep?: (byMs: number) => void } = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#onStep = options.onStep ?? (() => {});
  }

  observe({ timeMs, sentAt, receivedAt }: ServerTime): void {
    const low = timeMs - receivedAt;
    const high = timeMs - sentAt + drift * (receivedAt - sentAt);
    const widened = this.#widening(receivedAt);
    const narrowLow = Math.max(low, this.#low - widened);
    const narrowHigh = Math.min(high, this.#high + widened);
    const step = narrowLow > narrowHigh;
    const before = (this.#low + this.#high) / 2;
    this.#low = step ? low : narrowLow;
    this.#high = step ? high : narrowHigh;
    this.#at = receivedAt;
    if (step) this.#onStep((low + high) / 2 - before);
  }

  /** Between which times it is now at the server; between minus and plus infinity before the first look. */
  bounds(at = this.#now()): TimeBounds {
    const widened = this.#widening(at);
    return { earliest: at + this.#low - widened, latest: at + this.#high + widened };
  }

  /** Milliseconds between the bounds. */
  get uncertaintyMs(): number {
    const { earliest, latest } = this.bounds();
    return latest - earliest;
  }

  #widening(at: number): number {
    return drift * Math.abs(at - this.#at);
  }
}
