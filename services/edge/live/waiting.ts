import type { LiveEvent } from './live-event.ts';

/** Most events that wait. */
const limit = 5_000;

/** Events that arrive while a feed reads the past. Where they are too many they are dropped, and have to be read, too. */
export class Waiting {
  #events: LiveEvent[] = [];
  #dropped = Number.POSITIVE_INFINITY;

  /** Whether some were dropped and have not been read since. */
  get incomplete(): boolean {
    return this.#dropped < Number.POSITIVE_INFINITY;
  }

  add(event: LiveEvent): void {
    if (this.#events.length >= limit) {
      for (const { seq } of this.#events) this.drop(seq);
      this.#events = [];
    }
    this.#events.push(event);
  }

  /** Gives those that wait, in the order of their arrival; none waits then. */
  take(): readonly LiveEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** What has this sequence is not here. */
  drop(seq: number): void {
    this.#dropped = Math.min(this.#dropped, seq);
  }

  /** Lowest sequence of what was dropped, infinite for nothing. Whoever asks takes care of reading it. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = Number.POSITIVE_INFINITY;
    return dropped;
  }
}
