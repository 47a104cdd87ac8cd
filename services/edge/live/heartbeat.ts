/** A connection that is asked for a sign of life now and then. */
export interface Beating {
  /** Must not throw. */
  heartbeat(): void;
}

/** Slices of the interval, so that thousands of pings do not leave in one turn. */
const slices = 25;

/** One timer for the heartbeats of all connections. */
export class Heartbeat {
  readonly #slots: Set<Beating>[] = Array.from({ length: slices }, () => new Set<Beating>());
  readonly #timer: NodeJS.Timeout;
  #slot = 0;
  #next = 0;

  constructor(everyMs: number) {
    this.#timer = setInterval(() => this.#tick(), Math.max(1, everyMs / slices));
    this.#timer.unref();
  }

  /** Gives a function that takes it out again. */
  add(member: Beating): () => void {
    const slot = this.#slots[this.#next++ % slices] as Set<Beating>;
    slot.add(member);
    return () => slot.delete(member);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    for (const member of this.#slots[this.#slot++ % slices] as Set<Beating>) member.heartbeat();
  }
}
