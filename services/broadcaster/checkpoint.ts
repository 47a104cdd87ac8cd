import { randomUUID } from 'node:crypto';
import { openBucket, type Bucket, type Bus } from '@sluice/nats';
import type { PackedHour } from './market/day-ring.ts';
import { Market, type PackedMarket } from './market/market.ts';

const bucketName = 'live_state';
/** A day and the hour that it began in. */
const hoursKept = 25;
const hourMs = 3_600_000;
/** Writes under way at once. */
const window = 64;

/** Up to where the market stream is in the checkpoint, and which incarnation of it. */
export interface Cursor {
  readonly seq: number;
  readonly createdMs: number;
}

export interface Restored {
  readonly cursor: Cursor | null;
  readonly markets: ReadonlyMap<string, Market>;
}

/** A market as it was at one moment: text already, because its state goes on changing. */
export interface MarketSnapshot {
  readonly market: Market;
  readonly text: string;
  readonly hours: readonly { readonly packed: PackedHour; readonly text: string }[];
}

/** Keys that were written are gone: the bucket was lost and made anew, and nothing is known of the others either. */
export class CheckpointLostError extends Error {
  constructor(key: string) {
    super(`the checkpoint has lost ${key}`);
    this.name = 'CheckpointLostError';
  }
}

/**
 * The state of a shard in KV `live_state`: a key per market, one per hour of its ticker, and a cursor. Keys are written
 * one by one, so a crash can leave some newer than others; every one therefore carries the sequence that it is complete
 * up to, and reading on from the cursor brings all of them to the same point. Writes expect the revision that was read:
 * a replica that has lost its lease and does not know yet cannot write over its successor.
 */
export class CheckpointStore {
  readonly #bucket: Bucket;
  readonly #shard: string;
  /** Names this replica in what it writes. */
  readonly #writer = randomUUID();
  readonly #revisions = new Map<string, number>();

  private constructor(bucket: Bucket, shard: string) {
    this.#bucket = bucket;
    this.#shard = shard;
  }

  static async open(bus: Bus, shard: string, replicas: number): Promise<CheckpointStore> {
    return new CheckpointStore(await openBucket(bus, { name: bucketName, replicas }), shard);
  }

  /** Takes a snapshot; what changes later belongs to the next one. */
  snapshot(market: Market): MarketSnapshot {
    const hours = market.packDirtyHours().map((packed) => ({ packed, text: this.#encode(packed) }));
    return { market, text: this.#encode(market.pack()), hours };
  }

  /** Reads everything of the shard. What it cannot read (another version) is as if it were not there. */
  async restore(): Promise<Restored> {
    this.#revisions.clear();
    const markets = new Map<string, PackedMarket>();
    const hours = new Map<string, PackedHour[]>();
    let cursor: Cursor | null = null;
    for (const { key, value, revision } of await this.#bucket.entries()) {
      const [shard, kind, symbol] = key.split('.');
      if (shard !== this.#shard) continue;
      this.#revisions.set(key, revision);
      const parsed: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
      if (kind === 'cursor') cursor = parsed as Cursor;
      else if (symbol === undefined) continue;
      else if (kind === 'market' && (parsed as PackedMarket).v === 1)
        markets.set(symbol, parsed as PackedMarket);
      else if (kind === 'hour') hours.set(symbol, [...(hours.get(symbol) ?? []), parsed as PackedHour]);
    }
    const restored = [...markets].map(([symbol, packed]): [string, Market] => [
      symbol,
      new Market(symbol, packed, hours.get(symbol)),
    ]);
    return { cursor, markets: new Map(restored) };
  }

  /**
   * Writes snapshots and then the cursor. Hours go before their market: a market's key says that its hours are there.
   * Throws BusError, and {@link CheckpointLostError} where the caller has to write everything; what could not be written is
   * marked to be written again.
   */
  async write(snapshots: readonly MarketSnapshot[], cursor: Cursor): Promise<void> {
    const waiting = [...snapshots];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.#writeMarket(next);
    };
    const results = await Promise.allSettled(Array.from({ length: window }, worker));
    for (const { market, hours } of waiting) market.markDirty(hours.map(({ packed }) => packed));
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (failures.length > 0)
      throw failures.find((reason) => reason instanceof CheckpointLostError) ?? failures[0];
    await this.#put(`${this.#shard}.cursor`, this.#encode(cursor));
  }

  async #writeMarket({ market, text, hours }: MarketSnapshot): Promise<void> {
    try {
      for (const hour of hours) {
        const slot = (hour.packed.start / hourMs) % hoursKept;
        await this.#put(`${this.#shard}.hour.${market.symbol}.${slot}`, hour.text);
      }
      await this.#put(`${this.#shard}.market.${market.symbol}`, text);
    } catch (error) {
      market.markDirty(hours.map(({ packed }) => packed));
      throw error;
    }
  }

  #encode(value: object): string {
    return JSON.stringify({ ...value, writer: this.#writer });
  }

  async #put(key: string, text: string): Promise<void> {
    const revision = this.#revisions.get(key);
    try {
      const written = await (revision === undefined
        ? this.#bucket.create(key, text)
        : this.#bucket.update(key, text, revision));
      this.#revisions.set(key, written);
    } catch (error) {
      await this.#reread(key, revision);
      throw error;
    }
  }

  /**
   * After a write that failed: it may have been stored all the same. The revision is taken over only where the writer is
   * this replica; over a successor's key every later write fails. Nobody deletes keys: one that is missing was lost.
   */
  async #reread(key: string, known: number | undefined): Promise<void> {
    const entry = await this.#bucket.get(key);
    if (entry === null) {
      if (known === undefined) return;
      this.#revisions.clear();
      throw new CheckpointLostError(key);
    }
    const { writer } = JSON.parse(Buffer.from(entry.value).toString('utf8')) as { writer?: string };
    if (writer === this.#writer) this.#revisions.set(key, entry.revision);
  }
}
