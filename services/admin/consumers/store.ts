import { consumerEntryKey, decodeConsumer, encodeConsumer, type Consumer } from '@sluice/policy';
import type { Bucket } from '@sluice/nats';
import { isWrongRevision } from '@sluice/nats';
import { preconditionFailed } from '../http/precondition.ts';

export interface StoredConsumer {
  readonly consumer: Consumer;
  readonly revision: number;
}

/** Consumers that the control API keeps, in KV `consumers`. Those of the document are not here. Throws BusError. */
export class ConsumerStore {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async get(id: string): Promise<StoredConsumer | null> {
    const entry = await this.#bucket.get(consumerEntryKey(id));
    return entry === null ? null : { consumer: decodeConsumer(entry.value), revision: entry.revision };
  }

  /** In the order they were last changed; `next` is null on the last page. */
  async page(after: number, limit: number): Promise<{ consumers: StoredConsumer[]; next: number | null }> {
    const { entries, next } = await this.#bucket.page({ keys: consumerEntryKey('*'), after, limit });
    return {
      consumers: entries.map(({ value, revision }) => ({ consumer: decodeConsumer(value), revision })),
      next,
    };
  }

  /** Writes over `revision`, null where nothing may be there yet. Throws SluiceError `precondition_failed` when it is another. */
  async write(consumer: Consumer, revision: number | null): Promise<number> {
    const key = consumerEntryKey(consumer.id);
    const value = encodeConsumer(consumer);
    try {
      return await (revision === null
        ? this.#bucket.create(key, value)
        : this.#bucket.update(key, value, revision));
    } catch (error) {
      throw isWrongRevision(error) ? preconditionFailed(error) : error;
    }
  }

  async remove(id: string, revision: number): Promise<void> {
    try {
      await this.#bucket.delete(consumerEntryKey(id), revision);
    } catch (error) {
      throw isWrongRevision(error) ? preconditionFailed(error) : error;
    }
  }
}
