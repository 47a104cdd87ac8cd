import { isWrongRevision, type Bucket, type BucketEntry } from '@sluice/nats';
import { decodeKey, encodeKey, keyEntryKey, type StoredKey } from '@sluice/policy';
import { preconditionFailed } from '../http/precondition.ts';

export interface KeyRecord {
  readonly key: StoredKey;
  readonly revision: number;
  /** When an edge last saw it, milliseconds; null: never. */
  readonly lastUsed: number | null;
}

/**
 * Keys of consumers. `key.<id>` is what edges read; `key-of.<consumer>.<id>` beside it, empty, makes the keys of one
 * consumer a short list among millions. It is written before its key and removed after it, so it may name a key that is
 * not there, and never misses one.
 */
const indexKey = (consumer: string, id: string): string => `key-of.${consumer}.${id}`;

/** Throws BusError, and SluiceError `precondition_failed` for a revision that is another. */
export class KeyStore {
  readonly #bucket: Bucket;
  readonly #usage: Bucket;

  constructor(bucket: Bucket, usage: Bucket) {
    this.#bucket = bucket;
    this.#usage = usage;
  }

  async get(id: string): Promise<KeyRecord | null> {
    const [entry, used] = await Promise.all([this.#bucket.get(keyEntryKey(id)), this.#usage.get(id)]);
    if (entry === null) return null;
    return { key: decodeKey(entry.value), revision: entry.revision, lastUsed: timeOf(used) };
  }

  /** Keys of one consumer in the order they were made. */
  async page(
    consumer: string,
    after: number,
    limit: number,
  ): Promise<{ keys: KeyRecord[]; next: number | null }> {
    const { entries, next } = await this.#bucket.page({ keys: indexKey(consumer, '*'), after, limit });
    const found = await Promise.all(entries.map(({ key }) => this.get(key.slice(key.lastIndexOf('.') + 1))));
    return { keys: found.filter((record) => record !== null), next };
  }

  /** How many keys a consumer has, counted up to `most`. */
  async count(consumer: string, most: number): Promise<number> {
    const { entries } = await this.#bucket.page({ keys: indexKey(consumer, '*'), limit: most });
    return entries.length;
  }

  /** Fails with BusError `rejected` when there is a key of this id. */
  async create(key: StoredKey): Promise<number> {
    await this.#bucket.put(indexKey(key.consumer, key.id), '');
    return this.#bucket.create(keyEntryKey(key.id), encodeKey(key));
  }

  async update(key: StoredKey, revision: number): Promise<number> {
    try {
      return await this.#bucket.update(keyEntryKey(key.id), encodeKey(key), revision);
    } catch (error) {
      throw isWrongRevision(error) ? preconditionFailed(error) : error;
    }
  }

  /** Without a revision whatever is there goes. */
  async remove({ id, consumer }: Pick<StoredKey, 'id' | 'consumer'>, revision?: number): Promise<void> {
    try {
      await this.#bucket.delete(keyEntryKey(id), revision);
    } catch (error) {
      throw isWrongRevision(error) ? preconditionFailed(error) : error;
    }
    await this.#bucket.delete(indexKey(consumer, id));
    await this.#usage.delete(id);
  }

  /** Removes every key of a consumer. Gives their ids. */
  async removeAll(consumer: string): Promise<string[]> {
    const removed: string[] = [];
    for (;;) {
      const { entries } = await this.#bucket.page({ keys: indexKey(consumer, '*'), limit: 200 });
      if (entries.length === 0) return removed;
      const ids = entries.map(({ key }) => key.slice(key.lastIndexOf('.') + 1));
      await Promise.all(ids.map((id) => this.remove({ id, consumer })));
      removed.push(...ids);
    }
  }
}

function timeOf(entry: BucketEntry | null): number | null {
  const time = entry === null ? Number.NaN : Number(Buffer.from(entry.value).toString('utf8'));
  return Number.isSafeInteger(time) ? time : null;
}
