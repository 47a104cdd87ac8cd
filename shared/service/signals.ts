const checkMs = 25;

interface Waiting {
  readonly deadline: number;
  readonly controller: AbortController;
}

/**
 * Abort signals for calls that asked for one. One timer looks at all of them every 25 ms and stops when there are
 * none (DESIGN.md, speed rule 7): thousands of calls are a short loop, not thousands of timers.
 */
export class DeadlineSignals {
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  /** The signal, and what to call when it is no longer needed. */
  add(deadline: number): { readonly signal: AbortSignal; readonly release: () => void } {
    const waiting: Waiting = { deadline, controller: new AbortController() };
    this.#waiting.add(waiting);
    this.#timer ??= setInterval(() => this.#check(), checkMs).unref();
    return { signal: waiting.controller.signal, release: () => this.#waiting.delete(waiting) };
  }

  #check(): void {
    const now = Date.now();
    for (const waiting of this.#waiting) {
      if (waiting.deadline > now) continue;
      this.#waiting.delete(waiting);
      waiting.controller.abort(new DOMException('The deadline of the request has passed.', 'TimeoutError'));
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
