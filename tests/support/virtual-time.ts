interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Time that passes when the test says so: events in their order, with everything that promises make of one done before
 * the next. Chance comes from the seed, so that a failure can be played again.
 */
export class VirtualTime {
  now = 0;
  #state: number;
  #order = 0;
  #fault: { readonly error: unknown } | undefined;
  readonly #heap: Event[] = [];

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1 (mulberry32). */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Whether something of this probability happens; what cannot happen takes nothing from the seed. */
  chance(probability: number): boolean {
    return probability > 0 && this.random() < probability;
  }

  after(ms: number, run: () => void): void {
    this.#push({ at: this.now + Math.max(0, ms), order: this.#order++, run });
  }

  every(ms: number, run: () => void): void {
    const again = (): void => {
      run();
      this.after(ms, again);
    };
    // Not all processes at the same moment.
    this.after(this.random() * ms, again);
  }

  /** Something happened that must not: `runUntil` rejects with it. */
  fail(error: unknown): void {
    this.#fault ??= { error };
  }

  async runUntil(end: number): Promise<void> {
    for (;;) {
      if (this.#fault) throw this.#fault.error;
      const next = this.#heap[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      this.now = next.at;
      next.run();
      await new Promise(setImmediate);
    }
    this.now = end;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (before(heap[parent]!, event)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** A monotonic clock with an origin and a rate of its own, as far off as NTP lets clocks run. Milliseconds. */
export function ownClock(time: VirtualTime): () => number {
  const origin = time.random() * 1e6;
  const rate = 1 + (2 * time.random() - 1) * 200e-6;
  return () => origin + time.now * rate;
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
