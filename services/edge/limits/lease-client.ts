import {
  decodeGrants,
  encodeGiveBacks,
  encodeLeaseRequest,
  limitSubjects,
  type GiveBack,
  type Grant,
  type Want,
} from '@sluice/limits';
import { isBusError, type Bus } from '@sluice/nats';
import { natsHeaders } from '@sluice/wire';

export interface LeaseAnswer {
  /** In the order of the wants. */
  readonly grants: readonly Grant[];
  /** Monotonic milliseconds; the times of the grants count from here. */
  readonly sentAt: number;
}

/** Where leases come from. */
export interface Leaser {
  /** False for a moment after a failure: calls are decided without leases then, and one of them tries again later. */
  available(now: number): boolean;
  /** Rejects when nobody grants in time. */
  ask(wants: readonly Want[]): Promise<LeaseAnswer>;
  /** Nobody answers, and what is lost on the way is lost. */
  giveBack(entries: readonly GiveBack[]): void;
}

export interface LeaseClientOptions {
  readonly bus: Pick<Bus, 'request' | 'publish'>;
  /** Time for an answer, a second try included. */
  readonly timeoutMs: number;
  /** Told when leases cannot be had, and when they can be again. */
  readonly onChange: (available: boolean, error: unknown) => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** How long nobody is asked after a failure. */
const pauseMs = 500;
const mostReturns = 500;

/** {@link Leaser} over the bus. */
export class LeaseClient implements Leaser {
  readonly #options: LeaseClientOptions;
  readonly #now: () => number;
  #failed = false;
  /** Until when nobody asks, while `#failed`. */
  #pausedUntil = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(options: LeaseClientOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  available(now: number): boolean {
    return !this.#failed || now >= this.#pausedUntil;
  }

  async ask(wants: readonly Want[]): Promise<LeaseAnswer> {
    // After a failure this call is the one that tries; the others go on without until it knows.
    const askedAt = this.#now();
    if (this.#failed) this.#pausedUntil = askedAt + this.#options.timeoutMs + pauseMs;
    try {
      const answer = await this.#askTwice(wants);
      this.#answeredAt = this.#now();
      if (this.#failed) {
        this.#failed = false;
        this.#options.onChange(true, undefined);
      }
      return answer;
    } catch (error) {
      // One of several workers hangs, and NATS goes on handing it its share: others do grant.
      if (this.#answeredAt > askedAt) throw error;
      this.#pausedUntil = this.#now() + pauseMs;
      if (!this.#failed) {
        this.#failed = true;
        this.#options.onChange(false, error);
      }
      throw error;
    }
  }

  giveBack(entries: readonly GiveBack[]): void {
    try {
      for (let i = 0; i < entries.length; i += mostReturns)
        this.#options.bus.publish(limitSubjects.giveBack, encodeGiveBacks(entries.slice(i, i + mostReturns)));
    } catch (error) {
      // Without NATS they are lost until their window has passed: never too many, sometimes too few.
      if (!isBusError(error)) throw error;
    }
  }

  /**
   * A worker that dies takes the requests it has with it, so another one is asked in the second half of the time. That is
   * a new request: what the first one was granted is lost, not given twice.
   */
  async #askTwice(wants: readonly Want[]): Promise<LeaseAnswer> {
    try {
      return await this.#askOnce(wants);
    } catch (error) {
      if (!isBusError(error, 'timeout')) throw error;
      return await this.#askOnce(wants);
    }
  }

  async #askOnce(wants: readonly Want[]): Promise<LeaseAnswer> {
    const patienceMs = Math.max(1, Math.floor(this.#options.timeoutMs / 2));
    const payload = encodeLeaseRequest({ patienceMs, wants });
    const sentAt = this.#now();
    const answer = await this.#options.bus.request(limitSubjects.lease, payload, {
      deadline: Date.now() + patienceMs,
    });
    const refusal = answer.header(natsHeaders.error);
    if (refusal !== undefined) throw new Error(`no lease: ${refusal}`);
    const grants = decodeGrants(answer.text());
    if (grants.length !== wants.length) throw new Error('no lease: the answer is to another question');
    return { grants, sentAt };
  }
}
