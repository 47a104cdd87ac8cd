import type { LiveEvent } from './live-event.ts';

/**
 * The past of a feed, read once for everybody who asks for it in the same seconds (after an edge was killed that is every
 * client of a channel), and kept complete by the events that arrive meanwhile.
 */
export class Collector {
  readonly from: number;
  /** Resolves when the past is there; rejects when it could not be read. */
  readonly ready: Promise<void>;
  /** When it was made, on the monotonic clock. */
  readonly since = performance.now();
  users = 0;
  /** Set when the feed lost its thread: what is here no longer joins on to the present. */
  broken = false;
  #events: LiveEvent[] = [];
  #tail: LiveEvent[] = [];
  #filled = false;
  #whole = false;

  constructor(from: number, read: (collector: Collector) => Promise<void>) {
    this.from = from;
    this.ready = read(this);
    // Whoever waits for it hears of a failure; nobody may be waiting any more.
    this.ready.catch(() => {});
  }

  /** Ascending, from the past to the present. */
  get events(): readonly LiveEvent[] {
    return this.#events;
  }

  /** An event that the feed accepted since the reading began. */
  add(event: LiveEvent): void {
    (this.#filled ? this.#events : this.#tail).push(event);
  }

  /** Takes what was read. `whole`: nothing from `from` on had been dropped from the stream before. */
  fill(stored: readonly LiveEvent[], whole: boolean): void {
    const known = new Set(stored.map((event) => event.seq));
    this.#events = [...stored, ...this.#tail.filter((event) => !known.has(event.seq))];
    this.#tail = [];
    this.#whole = whole;
    this.#filled = true;
  }

  /** Everything after sequence `seq`, or null when some of it is no longer kept. */
  after(seq: number): readonly LiveEvent[] | null {
    const oldest = this.#events[0];
    // An event at or before `seq` that is still there proves that nothing after it was dropped: the oldest go first.
    const covered = (this.#whole && seq >= this.from - 1) || (this.from === 1 && oldest && oldest.seq <= seq);
    return covered ? this.#events.filter((event) => event.seq > seq) : null;
  }

  latest(count: number): readonly LiveEvent[] {
    return this.#events.slice(-count);
  }
}
