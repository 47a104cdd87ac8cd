/** Counts the exchanges between their first phase and their last, for the gauge and for an orderly stop. */
export class InFlight {
  #count = 0;
  #idle: (() => void) | null = null;

  get count(): number {
    return this.#count;
  }

  begin(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    if (this.#count === 0) this.#idle?.();
  }

  /** Resolves when nothing is in flight, at the latest after `graceMs`; gives what is left then. */
  async idle(graceMs: number): Promise<number> {
    if (this.#count === 0) return 0;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      timer = setTimeout(resolve, graceMs);
    });
    clearTimeout(timer);
    this.#idle = null;
    return this.#count;
  }
}
