import { SluiceError } from '@sluice/errors';
import {
  bucketOf,
  guardMs,
  periodAt,
  slotKey,
  slotMs,
  slotsUntil,
  usageBucket,
  usageKey,
  type GiveBack,
  type Grant,
  type PeriodWant,
  type Want,
  type WindowBucket,
  type WindowWant,
} from '@sluice/limits';
import type { Counters } from '@sluice/nats';
import { PastSlots } from './past-slots.ts';
import type { ServerClock } from './server-clock.ts';

export interface GranterOptions {
  readonly counters: Readonly<Record<WindowBucket | 'usage', Pick<Counters, 'increment' | 'read'>>>;
  readonly clock: Pick<ServerClock, 'bounds'>;
  /** Keys whose past slots are remembered, per bucket. */
  readonly mostKeys: number;
  /** Told of tokens that could not be given back: they are lost until their window has passed. */
  readonly onLost: (tokens: number, error: unknown) => void;
  readonly wait?: (ms: number) => Promise<void>;
}

const additionMs = 2_000;
/** A lease is spent in half a second, so a longer one is of use only to keys that have become quiet. */
const longestLeaseMs = 5_000;
const periodGuardMs = 20;

/**
 * Grants tokens out of the counters. It keeps nothing that matters: any number of workers grant side by side, and the
 * order in which the stream stores their additions decides.
 *
 * A grant first adds its tokens to the present slot, then looks at what the ten slots before it hold, and gives back what
 * is too much. Whoever adds later sees everything that was added earlier, so the last grant of any eleven neighbouring
 * slots has seen all of them (docs/limits.md has the proof).
 */
export class Granter {
  readonly #options: GranterOptions;
  readonly #past: ReadonlyMap<WindowBucket, PastSlots>;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #returning = new Set<Promise<unknown>>();

  constructor(options: GranterOptions) {
    this.#options = options;
    this.#wait = options.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
    const { usage: _, ...windows } = options.counters;
    this.#past = new Map(
      Object.entries(windows).map(([bucket, counters]) => [
        bucket as WindowBucket,
        new PastSlots(counters, options.mostKeys, this.#wait),
      ]),
    );
  }

  /** Keys whose past is remembered. */
  get keys(): number {
    let keys = 0;
    for (const past of this.#past.values()) keys += past.size;
    return keys;
  }

  /** Forgets what was read: the server's clock was set, and slots that were over may not be. */
  forget(): void {
    for (const past of this.#past.values()) past.clear();
  }

  /** `receivedAt` is monotonic. Rejects when it cannot be known what is left; then nothing stays counted, if it can be helped. */
  grant(want: Want, receivedAt: number): Promise<Grant> {
    return want.kind === 'window' ? this.#window(want, receivedAt) : this.#period(want, receivedAt);
  }

  /** Takes tokens out of the counters again. Never rejects. */
  async giveBack(entry: GiveBack): Promise<void> {
    const { counter, place, n } = entry;
    const key =
      entry.kind === 'period' ? usageKey(counter, place) : slotKey(counter, entry.windowMs, Number(place));
    await this.#take(entry.kind === 'period' ? usageBucket.name : bucketOf(entry.windowMs), key, n);
  }

  /** Resolves when everything that is being given back has been. */
  async settled(): Promise<void> {
    await Promise.all(this.#returning);
  }

  async #window(want: WindowWant, receivedAt: number): Promise<Grant> {
    const { counter, windowMs, limit } = want;
    const bucket = bucketOf(windowMs);
    const length = slotMs(windowMs);
    const slot = await this.#place(guardMs(windowMs), length, (time) => {
      const at = Math.floor(time / length);
      return { value: at, end: (at + 1) * length };
    });
    const key = slotKey(counter, windowMs, slot);
    const wanted = Math.min(want.n, limit);
    const { total, seq } = await this.#add(bucket, key, wanted);
    let past: Float64Array;
    try {
      past = await (this.#past.get(bucket) as PastSlots).before(want, slot, seq);
    } catch (error) {
      this.#return(bucket, key, wanted);
      throw error;
    }
    const others = sum(past) + Math.max(0, total - wanted);
    const n = usable(want, limit - others);
    if (n < wanted) this.#return(bucket, key, wanted - n);
    const used = [...past, Math.max(0, total - wanted) + n];
    const { earliest } = this.#options.clock.bounds();
    const after = (slotsLater: number): number => wholeMs((slot + slotsLater) * length - earliest);
    return {
      place: String(slot),
      n,
      forMs: n === 0 ? 0 : this.#validity((slot + 1) * length - guardMs(windowMs), receivedAt),
      left: Math.max(0, limit - others - n),
      resetMs: after(slotsUntil(used, 1)),
      retryMs: n > 0 ? 0 : after(slotsUntil(used, want.need - Math.max(0, limit - others))),
    };
  }

  async #period(want: PeriodWant, receivedAt: number): Promise<Grant> {
    const { counter, limit } = want;
    const period = await this.#place(periodGuardMs, 1_000, (time) => {
      const value = periodAt(time, want.period);
      return { value, end: value.end };
    });
    const key = usageKey(counter, period.name);
    const wanted = Math.min(want.n, limit);
    const { total } = await this.#add(usageBucket.name, key, wanted);
    const others = Math.max(0, total - wanted);
    const n = usable(want, limit - others);
    if (n < wanted) this.#return(usageBucket.name, key, wanted - n);
    const untilEnd = wholeMs(period.end - this.#options.clock.bounds().earliest);
    return {
      place: period.name,
      n,
      forMs: n === 0 ? 0 : this.#validity(period.end - periodGuardMs, receivedAt),
      left: Math.max(0, limit - others - n),
      resetMs: untilEnd,
      retryMs: n > 0 ? 0 : untilEnd,
    };
  }

  /**
   * The slot or period that it is now, beyond doubt: near its end this waits for the next one, a few milliseconds. Tokens
   * counted in one slot and spent in another would escape the sum.
   */
  async #place<T>(
    guard: number,
    length: number,
    at: (time: number) => { value: T; end: number },
  ): Promise<T> {
    for (;;) {
      const { earliest, latest } = this.#options.clock.bounds();
      // Not `>`: before the first look at the server's clock this is no number.
      if (!(latest - earliest < length / 2))
        throw new SluiceError('unavailable', 'The time of the NATS server is not known well enough.');
      const { value, end } = at(earliest);
      // A lease that is over when it arrives helps nobody.
      if (latest < end - guard - Math.min(10, length / 20)) return value;
      await this.#wait(Math.ceil(end - earliest));
    }
  }

  /** The edge counts from when it sent the request, which was before `receivedAt`: whatever lies between is on the safe side. */
  #validity(end: number, receivedAt: number): number {
    const { latest } = this.#options.clock.bounds(receivedAt);
    return Math.max(0, Math.min(longestLeaseMs, Math.floor(end - latest)));
  }

  /** Not tried again: after a lost answer nobody knows whether it was counted, and counting twice costs more than losing once. */
  #add(bucket: WindowBucket | 'usage', key: string, n: number): ReturnType<Counters['increment']> {
    return this.#options.counters[bucket].increment(key, n, { deadline: Date.now() + additionMs });
  }

  #return(bucket: WindowBucket | 'usage', key: string, n: number): void {
    void this.#take(bucket, key, n);
  }

  async #take(bucket: WindowBucket | 'usage', key: string, n: number): Promise<void> {
    const taken = this.#add(bucket, key, -n).then(
      () => {},
      (error: unknown) => this.#options.onLost(n, error),
    );
    this.#returning.add(taken);
    await taken;
    this.#returning.delete(taken);
  }
}

/** What can be granted of `available`: all that is wanted, less, or nothing where less would be of no use. */
function usable(want: Want, available: number): number {
  const n = Math.min(want.n, want.limit, Math.max(0, available));
  return n < want.need ? 0 : n;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function wholeMs(ms: number): number {
  return Math.max(0, Math.ceil(ms));
}
