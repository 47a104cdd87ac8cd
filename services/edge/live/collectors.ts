import { isChannel } from '@sluice/live';
import { Collector } from './collector.ts';
import type { History } from './history.ts';

/** The feed that the past is collected for. */
export interface Collecting {
  /** Channel or pattern. */
  readonly name: string;
  /** Sequence of the newest event that it has seen. */
  readonly position: number;
}

/** How long a collector that nobody uses is kept for the next who wants the same, milliseconds. */
const keptMs = 5_000;

/** The collectors of a feed: one for each sequence that somebody wants the past from. */
export class Collectors {
  readonly #feed: Collecting;
  readonly #history: History;
  readonly #open = new Set<Collector>();

  constructor(feed: Collecting, history: History) {
    this.#feed = feed;
    this.#history = history;
  }

  /** Always the same set. The feed adds each event that it accepts to all of them. */
  get open(): ReadonlySet<Collector> {
    return this.#open;
  }

  /** The past from sequence `from` on (a single channel's is always read whole). Give it back with `release`. */
  take(from: number): Collector {
    const wanted = isChannel(this.#feed.name) ? 1 : from;
    let collector = [...this.#open].find((present) => present.from === wanted && !present.broken);
    if (!collector) {
      collector = new Collector(wanted, (made) => this.#read(made));
      this.#open.add(collector);
    }
    collector.users += 1;
    return collector;
  }

  release(collector: Collector): void {
    collector.users -= 1;
    if (collector.broken) this.#open.delete(collector);
  }

  /** The feed has lost its thread: nothing that was collected joins on to the present any more. */
  breakOff(): void {
    for (const collector of this.#open) collector.broken = true;
    this.#open.clear();
  }

  /** Forgets what nobody has asked for lately. `now` is on the monotonic clock. */
  tidy(now: number): void {
    for (const collector of this.#open)
      if (collector.users === 0 && now - collector.since > keptMs) this.#open.delete(collector);
  }

  /** Fills a collector. Rejects when the stream cannot be read, or not up to what the feed has already seen. */
  async #read(collector: Collector): Promise<void> {
    const { name, position: seen } = this.#feed;
    const { from } = collector;
    const past = await this.#history.read({ name, from, reach: seen < from ? 0 : seen });
    if (past) return collector.fill(past.events, past.whole);
    collector.broken = true;
    throw new Error(`history of ${name} cannot be read up to ${seen}`);
  }
}
