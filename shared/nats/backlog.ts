import type { DeliveredMessage } from './delivered.ts';

/** Messages that came from the server and wait for their handler. */
export class Backlog {
  readonly #size: number;
  #messages: DeliveredMessage[] = [];
  /** When the oldest one came. */
  #since = 0;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(size: number) {
    this.#size = size;
  }

  get waiting(): readonly DeliveredMessage[] {
    return this.#messages;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get room(): number {
    return this.#size - this.#messages.length;
  }

  add(message: DeliveredMessage): void {
    if (this.#messages.length === 0) this.#since = performance.now();
    this.#messages.push(message);
    if (this.#messages.length === 1 || this.#messages.length >= this.#size) this.#wake?.();
  }

  /** Resolves with up to `most` messages as soon as there are so many or the oldest has waited `waitMs`; null at the end. */
  async take(most: number, waitMs: number): Promise<DeliveredMessage[] | null> {
    for (;;) {
      if (this.#ended) return null;
      const count = this.#messages.length;
      const leftMs = this.#since + waitMs - performance.now();
      if (count > 0 && (count >= most || leftMs <= 0)) break;
      await this.#sleep(count === 0 ? undefined : leftMs);
    }
    this.#since = performance.now();
    return this.#messages.splice(0, most);
  }

  /** Waits `ms`, less when the end comes. */
  async pause(ms: number): Promise<void> {
    const until = performance.now() + ms;
    for (let left = ms; left > 0 && !this.#ended; left = until - performance.now()) await this.#sleep(left);
  }

  /** No batch is taken from now on. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  #sleep(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => this.#wake?.(), Math.ceil(ms));
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
