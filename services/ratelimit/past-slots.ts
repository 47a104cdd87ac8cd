import { slotKey, slots } from '@sluice/limits';
import { BusError, type Counters } from '@sluice/nats';

/** A sliding window's counter, as a want names it. */
export interface WindowCounter {
  readonly counter: string;
  readonly windowMs: number;
}

interface Known {
  readonly slot: number;
  /** Tokens of the ten slots before it, oldest first. */
  readonly used: Float64Array;
}

const readMs = 2_000;
/** A replica of the stream that is behind catches up in milliseconds. */
const tries = 6;
const pauseMs = 10;

/**
 * What was granted in the ten slots before the present one. Once somebody has counted in a slot, tokens of earlier slots
 * can no longer be spent: what is read after that can only become less, by tokens that come back unspent, so to keep it
 * errs to the safe side. Those come back right after their slot, which is therefore read once more in the next one.
 * Bounded: what was made first is dropped first, and read again when it is asked for.
 */
export class PastSlots {
  readonly #counters: Pick<Counters, 'read'>;
  readonly #max: number;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #known = new Map<string, Known>();

  /** `max` windows are remembered. */
  constructor(counters: Pick<Counters, 'read'>, max: number, wait: (ms: number) => Promise<void>) {
    this.#counters = counters;
    this.#max = max;
    this.#wait = wait;
  }

  get size(): number {
    return this.#known.size;
  }

  clear(): void {
    this.#known.clear();
  }

  /**
   * Tokens of the ten slots before `slot`, oldest first. `seq` is the stream's sequence of an addition to `slot`: a read
   * that does not see it came from a replica that is behind, and is made again. Throws BusError.
   */
  async before(window: WindowCounter, slot: number, seq: number): Promise<Float64Array> {
    const id = `${window.counter}.${window.windowMs}`;
    const known = this.#known.get(id);
    if (known?.slot === slot) return known.used;
    const used = new Float64Array(slots);
    const first = slot - slots;
    const readFrom = known !== undefined && known.slot < slot ? Math.max(first, known.slot - 1) : first;
    if (known !== undefined && known.slot < slot)
      for (let at = first; at < readFrom; at++)
        used[at - first] = known.used[at - known.slot + slots] as number;
    const keys: string[] = [];
    for (let at = readFrom; at <= slot; at++) keys.push(slotKey(window.counter, window.windowMs, at));
    const counts = await this.#read(keys, seq);
    // A returned token whose counter was lost could leave less than nothing.
    for (let at = readFrom; at < slot; at++)
      used[at - first] = Math.max(0, counts.get(keys[at - readFrom] as string)?.total ?? 0);
    if (known === undefined || known.slot < slot) this.#keep(id, { slot, used });
    return used;
  }

  async #read(keys: readonly string[], seq: number): ReturnType<Counters['read']> {
    const own = keys.at(-1) as string;
    for (let attempt = 1; ; attempt++) {
      const counts = await this.#counters.read(keys, { waitMs: readMs });
      if ((counts.get(own)?.seq ?? 0) >= seq) return counts;
      if (attempt === tries) throw new BusError('timeout', 'the counters that were read are behind');
      await this.#wait(pauseMs * attempt);
    }
  }

  #keep(id: string, known: Known): void {
    this.#known.delete(id);
    if (this.#known.size >= this.#max) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(id, known);
  }
}
