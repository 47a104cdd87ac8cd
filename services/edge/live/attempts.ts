/** How long a failed attempt rests before the next, milliseconds: twice as long each time, up to `longest`. */
export interface Rests {
  readonly first: number;
  readonly longest: number;
}

/**
 * Work that is tried until it succeeds, one piece of it at a time: a newer one overtakes the one before, which then may
 * change nothing any more. It learns that by its number, after everything it waited for.
 */
export class Attempts {
  readonly #rests: Rests;
  readonly #onFailure: (error: unknown) => void;
  #newest = 0;

  constructor(rests: Rests, onFailure: (error: unknown) => void) {
    this.#rests = rests;
    this.#onFailure = onFailure;
  }

  /** Number of the piece of work that counts; another one whenever something was overtaken. */
  get newest(): number {
    return this.#newest;
  }

  /** Whatever is under way counts no more. */
  overtake(): void {
    this.#newest += 1;
  }

  /**
   * Overtakes what is under way and does `work` instead, the first time in this turn. Resolves when it has succeeded or
   * was overtaken; never rejects.
   */
  async start(work: (number: number) => Promise<void>): Promise<void> {
    const number = ++this.#newest;
    const { first, longest } = this.#rests;
    for (let rest = first; number === this.#newest; rest = Math.min(rest * 2, longest)) {
      try {
        return await work(number);
      } catch (error) {
        this.#onFailure(error);
        await new Promise((resolve) => setTimeout(resolve, rest));
      }
    }
  }
}
