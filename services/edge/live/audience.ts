import type { Batch } from './batch.ts';
import type { Subscription } from './subscription.ts';

/** How long a feed is kept that nobody uses, milliseconds: a client that comes back soon finds it live. */
const idleMs = 5_000;

/** Those a feed is there for: its subscriptions, and whoever prepares to join. */
export class Audience {
  readonly #subscriptions = new Set<Subscription>();
  #holders = 0;
  /** When somebody left last, on the monotonic clock. */
  #idleSince = performance.now();

  /** Always the same set. */
  get subscriptions(): ReadonlySet<Subscription> {
    return this.#subscriptions;
  }

  /** Keeps the feed alive while somebody prepares to join. */
  hold(): void {
    this.#holders += 1;
  }

  letGo(): void {
    this.#holders -= 1;
    this.#idleSince = performance.now();
  }

  /** `skip`: how many events at the front of the next batch it already has. */
  join(subscription: Subscription, skip: number): void {
    subscription.skip = skip;
    this.#subscriptions.add(subscription);
  }

  leave(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    this.#idleSince = performance.now();
  }

  /** Whether nobody has been here for a while. `now` is on the monotonic clock. */
  isIdle(now: number): boolean {
    return this.#subscriptions.size === 0 && this.#holders === 0 && now - this.#idleSince > idleMs;
  }

  /**
   * Gives everybody the events of a turn, but nobody an event twice. Where that goes wrong with one, the others get them
   * all the same, and the first fault is thrown afterwards. Whoever did not get them sees so by the next event's `prev`.
   */
  deliver(batch: Batch): void {
    let fault: { readonly error: unknown } | undefined;
    for (const subscription of this.#subscriptions) {
      const { skip, subscriber } = subscription;
      subscription.skip = 0;
      try {
        if (skip === 0) subscriber.deliver(batch, subscription);
        else if (skip < batch.events.length) subscriber.deliver(batch.without(skip), subscription);
      } catch (error) {
        fault ??= { error };
      }
    }
    if (fault) throw fault.error;
  }
}
