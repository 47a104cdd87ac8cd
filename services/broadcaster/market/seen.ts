import { isIntegerId } from '@sluice/market';

/** Ranges kept per venue and day. A feed without gaps needs one, a shuffled one a few. */
const rangesKept = 2_000;
/** Days kept per venue: those that trades came for last. */
const daysKept = 8;
/** Ids that are no integers, kept per venue and day. */
const textsKept = 1_000;

/** What is known of the trades of one venue on one UTC day, as it is checkpointed. */
export interface SeenDay {
  readonly venue: string;
  readonly day: number;
  readonly ranges: readonly (readonly [number, number])[];
  readonly texts: readonly string[];
}

/**
 * Which trades of a market were counted already. MARKET drops a repetition within two minutes; a feed that is started
 * again may repeat hours. Integer ids are kept as ranges, so a day of millions of trades is a few numbers. Ids are told
 * apart by venue and UTC day, because some venues begin to count anew every day.
 */
export class SeenTrades {
  /** By venue and day, the one used last at the end. */
  readonly #days = new Map<string, { venue: string; day: number; ranges: Ranges; texts: Set<string> }>();

  static restore(days: readonly SeenDay[]): SeenTrades {
    const seen = new SeenTrades();
    for (const { venue, day, ranges, texts } of days)
      seen.#days.set(`${venue} ${day}`, { venue, day, ranges: new Ranges(ranges), texts: new Set(texts) });
    return seen;
  }

  /** Notes a trade; false when it was noted before. */
  add(venue: string, trade: { readonly id: string; readonly ts: number }): boolean {
    const day = Math.floor(trade.ts / 86_400_000);
    const key = `${venue} ${day}`;
    let known = this.#days.get(key);
    if (known) this.#days.delete(key);
    else known = { venue, day, ranges: new Ranges([]), texts: new Set() };
    this.#days.set(key, known);
    this.#forget(venue);
    const number = isIntegerId(trade.id) ? Number(trade.id) : Number.NaN;
    if (Number.isSafeInteger(number)) return known.ranges.add(number);
    if (known.texts.has(trade.id)) return false;
    known.texts.add(trade.id);
    const [oldest] = known.texts;
    if (known.texts.size > textsKept && oldest !== undefined) known.texts.delete(oldest);
    return true;
  }

  snapshot(): SeenDay[] {
    return [...this.#days.values()].map(({ venue, day, ranges, texts }) => ({
      venue,
      day,
      ranges: ranges.list,
      texts: [...texts],
    }));
  }

  #forget(venue: string): void {
    if (this.#days.size <= daysKept) return;
    const own = [...this.#days].filter(([, known]) => known.venue === venue);
    const [oldest] = own;
    if (own.length > daysKept && oldest) this.#days.delete(oldest[0]);
  }
}

/** A set of integers as ascending ranges that do not touch. */
class Ranges {
  #list: [number, number][];

  constructor(list: readonly (readonly [number, number])[]) {
    this.#list = list.map(([low, high]) => [low, high]);
  }

  get list(): readonly (readonly [number, number])[] {
    return this.#list;
  }

  /** False when it was there. */
  add(value: number): boolean {
    const list = this.#list;
    const last = list.at(-1);
    // Nearly every trade is the next one.
    if (last && value === last[1] + 1) {
      last[1] = value;
      return true;
    }
    const at = this.#firstEndingFrom(value - 1);
    const range = list[at];
    if (!range || range[0] > value + 1) list.splice(at, 0, [value, value]);
    else if (range[1] === value - 1) {
      range[1] = value;
      const next = list[at + 1];
      if (next?.[0] === value + 1) {
        range[1] = next[1];
        list.splice(at + 1, 1);
      }
    } else if (range[0] === value + 1) range[0] = value;
    else return false;
    if (list.length > rangesKept) this.#closeOldestGap();
    return true;
  }

  /** Index of the first range whose end is at least `value`. */
  #firstEndingFrom(value: number): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#list[middle] as [number, number])[1] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Ids grow with time, so the lowest gap is the oldest: what has not come for it by now is taken as seen. */
  #closeOldestGap(): void {
    const [first, second] = this.#list as [[number, number], [number, number]];
    this.#list.splice(0, 2, [first[0], second[1]]);
  }
}
