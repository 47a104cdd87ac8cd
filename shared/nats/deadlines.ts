const slotMs = 25;

/**
 * One coarse timer for thousands of deadlines (DESIGN.md, speed rule 7). Tokens wait in slots of 25 ms; a token that was
 * answered in time stays in its slot and is ignored when the slot comes up, because a number costs less than a removal.
 */
export class Deadlines {
  readonly #slots = new Map<number, number[]>();
  readonly #expire: (token: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(expire: (token: number) => void) {
    this.#expire = expire;
  }

  add(token: number, deadline: number): void {
    const slot = Math.max(Math.ceil(deadline / slotMs), Math.floor(Date.now() / slotMs) + 1);
    const tokens = this.#slots.get(slot);
    if (tokens) tokens.push(token);
    else this.#slots.set(slot, [token]);
    if (this.#timer) {
      if (slot < this.#next) this.#next = slot;
      return;
    }
    this.#next = slot;
    this.#timer = setInterval(() => this.#tick(), slotMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#slots.clear();
  }

  #tick(): void {
    const now = Math.floor(Date.now() / slotMs);
    if (now < this.#next) return;
    for (const [slot, tokens] of this.#slots) {
      if (slot > now) continue;
      this.#slots.delete(slot);
      for (const token of tokens) this.#expire(token);
    }
    if (this.#slots.size === 0) return this.stop();
    this.#next = Math.min(...this.#slots.keys());
  }
}
