import { encodeTrade, tradeMessageId, tradeSubject } from '@sluice/market';
import { BusError, publishStored, type Bus } from '@sluice/nats';
import type { FileTrade } from './trades-file.ts';

/** What the stream said so far. `duplicates`: trades it had taken within its duplicate window already. */
export interface PublishCounts {
  readonly stored: number;
  readonly duplicates: number;
}

export interface PublisherOptions {
  readonly inFlight: number;
  /** Told why nothing goes on, now and then while it lasts. */
  readonly onWaiting: (reason: string) => void;
  /** When it is aborted, what failed is not tried again. */
  readonly signal: AbortSignal;
}

/** How long one attempt may take, milliseconds. The message id makes another attempt safe. */
const attemptMs = 10_000;
const pauseMs = 250;

/**
 * Publishes trades and counts them when the stream has them. At most `inFlight` are under way at once: `publish` waits
 * for a place, which is all the backpressure a feed needs. A server or stream that is away is waited for.
 */
export class Publisher {
  readonly #bus: Bus;
  readonly #inFlight: number;
  readonly #onWaiting: (reason: string) => void;
  readonly #signal: AbortSignal;
  #stored = 0;
  #duplicates = 0;
  #pending = 0;
  #failure: unknown;
  #wake: (() => void)[] = [];
  #lastWarning = -Infinity;

  constructor(bus: Bus, options: PublisherOptions) {
    this.#bus = bus;
    this.#inFlight = options.inFlight;
    this.#onWaiting = options.onWaiting;
    this.#signal = options.signal;
  }

  get counts(): PublishCounts {
    return { stored: this.#stored, duplicates: this.#duplicates };
  }

  /** Resolves when the trade is under way. Rejects when the stream has refused an earlier one. */
  async publish(trade: FileTrade): Promise<void> {
    while (this.#pending >= this.#inFlight && this.#failure === undefined) await this.#change();
    if (this.#failure !== undefined) throw this.#failure;
    this.#pending += 1;
    this.#deliver(trade).then(
      () => this.#settled(),
      (error: unknown) => {
        this.#failure ??= error;
        this.#settled();
      },
    );
  }

  /** Resolves when everything published is stored. */
  async finish(): Promise<void> {
    while (this.#pending > 0 && this.#failure === undefined) await this.#change();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #deliver({ venue, symbol, trade }: FileTrade): Promise<void> {
    const subject = tradeSubject(venue, symbol);
    const msgId = tradeMessageId(venue, symbol, trade.id);
    for (;;) {
      try {
        const ack = await publishStored(this.#bus, subject, encodeTrade(trade), {
          msgId,
          deadline: Date.now() + attemptMs,
        });
        if (ack.duplicate) this.#duplicates += 1;
        else this.#stored += 1;
        return;
      } catch (error) {
        if (!(error instanceof BusError) || error.kind === 'rejected' || error.kind === 'too_large')
          throw error;
        if (this.#signal.aborted) return;
        this.#warn(error.message);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  /** A server that is away fails every message under way: one line says it, again after a while. */
  #warn(reason: string): void {
    const now = performance.now();
    if (now - this.#lastWarning < 5_000) return;
    this.#lastWarning = now;
    this.#onWaiting(reason);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #settled(): void {
    this.#pending -= 1;
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
