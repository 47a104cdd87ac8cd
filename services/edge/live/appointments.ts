const slotMs = 250;

/** Things to do at a time of the wall clock, to about a quarter of a second: one timer for those of all connections. */
export class Appointments {
  readonly #slots = new Map<number, Set<() => void>>();
  #timer: NodeJS.Timeout | undefined;

  /** `action` must not throw. Gives what cancels it. */
  add(at: number, action: () => void): () => void {
    const slot = Math.ceil(at / slotMs);
    let actions = this.#slots.get(slot);
    if (!actions) this.#slots.set(slot, (actions = new Set()));
    actions.add(action);
    this.#timer ??= setInterval(() => this.#tick(), slotMs).unref();
    return () => {
      actions.delete(action);
      if (actions.size === 0 && this.#slots.get(slot) === actions) this.#slots.delete(slot);
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#slots.clear();
  }

  #tick(): void {
    const now = Math.floor(Date.now() / slotMs);
    for (const [slot, actions] of this.#slots) {
      if (slot > now) continue;
      this.#slots.delete(slot);
      for (const action of actions) action();
    }
    if (this.#slots.size === 0) this.stop();
  }
}
