import { isBusError, publishStored, type Bus } from '@sluice/nats';

/** An event for the live stream. */
export interface Outgoing {
  readonly subject: string;
  readonly text: string;
  /** With an id it must arrive, in order and once. Without one it is a state, and a newer one replaces it. */
  readonly msgId?: string;
}

export interface PublisherOptions {
  readonly bus: Bus;
  /** Events under way at once. */
  readonly window: number;
  /** Makes the stream usable again after a failure; called until it resolves. What it returns goes out first. */
  readonly repair: () => Promise<readonly Outgoing[]>;
  /** Told where the newest message may not be what was published last: a state did not arrive, or older ones go out again. */
  readonly onUnsure: (subject: string) => void;
  readonly onTrouble: (error: unknown) => void;
  readonly onStored: (outgoing: Outgoing) => void;
}

const ackMs = 5_000;
const firstPauseMs = 50;
const longestPauseMs = 1_000;

/**
 * Publishes in order with many events under way: what is sent over one connection is stored in the order it was sent.
 * When one fails, nothing more is sent until all that are under way have settled and the stream was looked after; then
 * what was not confirmed goes out again in its order, and the stream recognises by its id what it had stored after all.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  /** Waiting to be sent. */
  #queue: Outgoing[] = [];
  #at = 0;
  /** Sent and not confirmed, in order. */
  readonly #sent = new Set<Outgoing>();
  /** Those of them that failed since the last repair. */
  readonly #unsettled = new Set<Outgoing>();
  #failed = false;
  #repairing = false;
  #stopped = false;
  #waiters: { upTo: number; resolve: () => void }[] = [];
  /** Events ever taken. */
  #taken = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Events not yet stored. */
  get pending(): number {
    return this.#queue.length - this.#at + this.#sent.size;
  }

  publish(outgoing: Outgoing): void {
    if (this.#stopped) return;
    this.#queue.push(outgoing);
    this.#taken += 1;
    this.#pump();
  }

  /** Resolves when at most `most` events are waiting or under way. */
  room(most: number): Promise<void> {
    return this.#wait(this.#taken - most);
  }

  /** Resolves when everything taken so far is stored. */
  flushed(): Promise<void> {
    return this.#wait(this.#taken);
  }

  /** Looks after the stream as after a failure: it may be another one than it was. */
  interrupt(): void {
    this.#failed = true;
    this.#settle();
  }

  /** Nothing more is sent. Whoever waits is let go. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#at = 0;
    this.#sent.clear();
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  #wait(upTo: number): Promise<void> {
    if (this.#stopped || this.#taken - this.pending >= upTo) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ upTo, resolve }));
  }

  #pump(): void {
    if (this.#failed || this.#stopped) return;
    while (this.#sent.size < this.#options.window && this.#at < this.#queue.length) {
      const outgoing = this.#queue[this.#at] as Outgoing;
      this.#at += 1;
      this.#sent.add(outgoing);
      void this.#send(outgoing);
      if (this.#failed) return;
    }
    if (this.#at < 1_024 && this.#at < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#at);
    this.#at = 0;
  }

  async #send(outgoing: Outgoing): Promise<void> {
    const { subject, text, msgId } = outgoing;
    try {
      const deadline = Date.now() + ackMs;
      await publishStored(
        this.#options.bus,
        subject,
        text,
        msgId === undefined ? { deadline } : { deadline, msgId },
      );
      if (!this.#sent.delete(outgoing)) return;
      this.#options.onStored(outgoing);
    } catch (error) {
      if (this.#stopped) return;
      if (!this.#failed) this.#options.onTrouble(error);
      this.#failed = true;
      this.#unsettled.add(outgoing);
    }
    this.#settle();
  }

  #settle(): void {
    this.#release();
    if (!this.#failed) return this.#pump();
    if (!this.#stopped && !this.#repairing && this.#unsettled.size === this.#sent.size) void this.#repair();
  }

  async #repair(): Promise<void> {
    this.#repairing = true;
    const first = await this.#repaired();
    this.#repairing = false;
    if (this.#stopped) return;
    const again = [...this.#sent];
    this.#sent.clear();
    this.#unsettled.clear();
    this.#queue = [
      ...first,
      ...again.filter(({ msgId }) => msgId !== undefined),
      ...this.#queue.slice(this.#at),
    ];
    this.#at = 0;
    this.#taken += first.length;
    // They go out before what others wait for.
    this.#waiters = this.#waiters.map(({ upTo, resolve }) => ({ upTo: upTo + first.length, resolve }));
    for (const subject of new Set(again.map(({ subject }) => subject))) this.#options.onUnsure(subject);
    this.#failed = false;
    this.#settle();
  }

  async #repaired(): Promise<readonly Outgoing[]> {
    for (let pause = firstPauseMs; !this.#stopped; pause = Math.min(pause * 2, longestPauseMs)) {
      try {
        return await this.#options.repair();
      } catch (error) {
        if (!isBusError(error, 'disconnected')) this.#options.onTrouble(error);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return [];
  }

  #release(): void {
    if (this.#waiters.length === 0) return;
    const settled = this.#taken - this.pending;
    this.#waiters = this.#waiters.filter(({ upTo, resolve }) => {
      if (upTo > settled) return true;
      resolve();
      return false;
    });
  }
}
