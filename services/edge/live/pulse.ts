/** Something that has waiting work for the end of the turn. */
export interface Beater {
  beat(): void;
}

/** Longest rest between two fan-outs, milliseconds. */
const longestRestMs = 20;

/**
 * When writes happen. Answers leave at the end of the event-loop turn. Fan-out does too while it is cheap; when it was
 * dear it rests as long as it took, and what arrives meanwhile goes out in one write per socket. So a quiet edge adds
 * no delay, and a busy one spends at most half its time in system calls while every write carries more frames.
 *
 * All of it runs in timers of its own, where a fault would be the end of the process, and with it of every connection.
 * So each feed and each connection is on its own: its fault is told, and it is the others' turn.
 */
export class Pulse {
  readonly #onFault: (error: unknown) => void;
  #feeds = new Set<Beater>();
  #outlets = new Set<Beater>();
  #feedsPlanned = false;
  #outletsPlanned = false;
  #restUntil = 0;

  /** `onFault` must not throw. */
  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  /** A feed has events to fan out. */
  feed(feed: Beater): void {
    this.#feeds.add(feed);
    if (this.#feedsPlanned) return;
    this.#feedsPlanned = true;
    const rest = this.#restUntil - performance.now();
    if (rest > 0) setTimeout(() => this.#fanOut(), rest);
    else setImmediate(() => this.#fanOut());
  }

  /** A connection has bytes to write. */
  outlet(outlet: Beater): void {
    this.#outlets.add(outlet);
    if (this.#outletsPlanned) return;
    this.#outletsPlanned = true;
    setImmediate(() => this.#write());
  }

  /** Does something for one feed or connection, whose fault is nobody else's. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onFault(error);
    }
  }

  #fanOut(): void {
    const start = performance.now();
    this.#feedsPlanned = false;
    const feeds = this.#feeds;
    this.#feeds = new Set();
    // What the feeds hand to connections is written right here, not in another turn.
    this.#outletsPlanned = true;
    for (const feed of feeds) this.#beat(feed);
    this.#write();
    const end = performance.now();
    this.#restUntil = end + Math.min(end - start, longestRestMs);
  }

  #write(): void {
    this.#outletsPlanned = false;
    const outlets = this.#outlets;
    if (outlets.size === 0) return;
    this.#outlets = new Set();
    for (const outlet of outlets) this.#beat(outlet);
  }

  /** As `guard`, without making a function for each of thousands of connections. */
  #beat(beater: Beater): void {
    try {
      beater.beat();
    } catch (error) {
      this.#onFault(error);
    }
  }
}
