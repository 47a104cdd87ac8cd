/** @typedef {import('./api.js').Candle} Candle */

/**
 * The candles of one market and interval, by their start. History and live channel tell of the same candles in their own
 * time; of two states of one candle the one with more trades is the newer, so the order in which they arrive does not
 * matter.
 */
export class CandleBook {
  /** @type {Candle[]} Oldest first. */
  #list = [];

  get size() {
    return this.#list.length;
  }

  /** Oldest first. @returns {readonly Candle[]} */
  get candles() {
    return this.#list;
  }

  get last() {
    return this.#list.at(-1);
  }

  /** The candle that starts at `ts`. */
  at(/** @type {number} */ ts) {
    const index = this.#place(ts);
    const candle = this.#list[index];
    return candle?.ts === ts ? candle : undefined;
  }

  /**
   * Takes a state of a candle.
   * @returns {'last' | 'older' | 'known' | 'outdated'} What it changed: the newest candle (or there is a new one), an
   *   older one, nothing, or nothing because a newer state is known.
   */
  put(/** @type {Candle} */ candle) {
    const index = this.#place(candle.ts);
    const held = this.#list[index];
    if (held?.ts !== candle.ts) this.#list.splice(index, 0, candle);
    else if (candle.trades < held.trades) return 'outdated';
    else if (candle.trades === held.trades) return 'known';
    else this.#list[index] = candle;
    return index === this.#list.length - 1 ? 'last' : 'older';
  }

  /** Forgets everything that starts before `ts`. */
  dropBefore(/** @type {number} */ ts) {
    this.#list.splice(0, this.#place(ts));
  }

  /** Where `ts` is or would be. Almost always asked for the end. */
  #place(/** @type {number} */ ts) {
    const last = this.#list.at(-1);
    if (!last || ts > last.ts) return this.#list.length;
    let low = 0;
    let high = this.#list.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {Candle} */ (this.#list[middle]).ts < ts) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
