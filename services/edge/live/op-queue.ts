import { tooFast } from './limits.ts';

/** Operations of one client that may be under way or wait for the one before them. */
const longestQueue = 64;

/** Operations of one client that take effect in the order it sent them in, each when the one before it is done. */
export class OpQueue {
  /** Settles with the newest operation; undefined while there is none. */
  #newest: Promise<void> | undefined;
  #length = 0;
  #closed = false;

  /**
   * Does `work` in its turn: at once where nothing is under way. What it throws or rejects with goes to `refuse`, which
   * must not throw, and holds up nothing after it. Throws `too_many_requests` when 64 operations are there already.
   */
  add(work: () => void | Promise<void>, refuse: (error: unknown) => void): void {
    if (this.#length >= longestQueue) throw tooFast();
    this.#length += 1;
    const step = async (): Promise<void> => {
      try {
        if (!this.#closed) await work();
      } catch (error) {
        refuse(error);
      } finally {
        this.#length -= 1;
        // A connection that rests keeps nothing of what it did.
        if (this.#length === 0) this.#newest = undefined;
      }
    };
    this.#newest = this.#newest ? this.#newest.then(step) : step();
  }

  /** The client is gone: what waits is never begun. What is under way has to notice by itself. */
  close(): void {
    this.#closed = true;
  }
}
