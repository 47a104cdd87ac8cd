import type { TradeEvent } from '../market/market.ts';

/**
 * What the replica before this one had published after its last checkpoint. Its newest trade is in the live stream under
 * its message id; reading the market stream again from the checkpoint, everything up to that trade is there already.
 * Within the stream's duplicate window the ids alone would do; this also holds after a night.
 */
export class Predecessor {
  /** Message id of the newest trade in the live stream, by symbol, until it has come by. */
  readonly #newest: Map<string, string>;
  /** Passed over so far, in case that trade never comes by. Older ones than the stream keeps are not needed. */
  readonly #passed = new Map<string, TradeEvent[]>();
  readonly #keep: number;

  constructor(newest: ReadonlyMap<string, string>, keep: number) {
    this.#newest = new Map(newest);
    this.#keep = keep;
  }

  /** The checkpoint says which trade was the newest of a symbol when it was taken: nothing to wait for if it still is. */
  know(symbol: string, event: TradeEvent | null): void {
    if (event !== null && this.#newest.get(symbol) === event.msgId) this.#newest.delete(symbol);
  }

  /** Whether the live stream has this trade already. */
  has(symbol: string, event: TradeEvent): boolean {
    const newest = this.#newest.get(symbol);
    if (newest === undefined) return false;
    if (event.msgId === newest) {
      this.#newest.delete(symbol);
      this.#passed.delete(symbol);
      return true;
    }
    const passed = this.#passed.get(symbol);
    if (!passed) this.#passed.set(symbol, [event]);
    else if (passed.push(event) >= 2 * this.#keep) passed.splice(0, passed.length - this.#keep);
    return true;
  }

  /** The replay is over: trades that were passed over for one that never came, by symbol, in order. */
  end(): ReadonlyMap<string, readonly TradeEvent[]> {
    this.#newest.clear();
    const passed = new Map(this.#passed);
    this.#passed.clear();
    return passed;
  }
}
