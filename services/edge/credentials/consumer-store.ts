import { openBucket, type Bucket, type BucketChange, type Bus } from '@sluice/nats';
import {
  consumerEntryKey,
  consumersBucket,
  decodeConsumer,
  decodeKey,
  entryOf,
  keyEntryKey,
  type Consumer,
  type StoredKey,
} from '@sluice/policy';
import { EntryCache } from './entry-cache.ts';
import type { ConsumerDirectory, DocumentSource } from './method-context.ts';

export interface ConsumerStoreOptions {
  readonly bus: Bus;
  readonly replicas: number;
  readonly document: DocumentSource;
  /** Keys at hand, and as many consumers. */
  readonly max: number;
  readonly report: (detail: string, error?: unknown) => void;
}

/** A key as edges compare it. Not frozen: whoever authenticates by it keeps what that gave in `memo`. */
export interface KeyEntry extends Pick<StoredKey, 'id' | 'consumer' | 'created' | 'expires' | 'disabled'> {
  /** The 32 bytes of the stored hash. */
  readonly digest: Buffer;
  memo: unknown;
}

/** Is told the KV key of an entry that has changed. */
type EntryListener = (entry: string) => void;

/** How long a look-up that failed is put off. */
const retryMs = 1_000;
/** Look-ups at once after a gap, so that those of requests find room. */
const refreshAtOnce = 50;

/** API clients and keys: those of the document, and of KV `consumers` those that calls have named lately. */
export class ConsumerStore implements ConsumerDirectory {
  readonly keys: EntryCache<KeyEntry>;
  readonly #consumers: EntryCache<Consumer>;
  #declared: ReadonlyMap<string, Consumer>;
  readonly #listeners = new Set<EntryListener>();
  /** Entries that live connections depend on. */
  #watched: () => Iterable<string> = () => [];
  readonly #report: ConsumerStoreOptions['report'];
  readonly #stops: (() => void)[] = [];
  /** Entries that are being looked up for the listeners. */
  readonly #refreshing = new Set<string>();
  #stopped = false;
  #version = 0;

  private constructor(bucket: Bucket, options: ConsumerStoreOptions) {
    this.#report = options.report;
    const { max } = options;
    this.keys = new EntryCache({
      max,
      load: (id) => bucket.get(keyEntryKey(id)),
      decode: (id, value) => this.#decode(`key ${id}`, () => keyEntry(id, value)),
    });
    this.#consumers = new EntryCache({
      max,
      load: (id) => bucket.get(consumerEntryKey(id)),
      decode: (id, value) => this.#decode(`consumer ${id}`, () => decodeConsumer(value)),
    });
    this.#declared = declared(options.document.current.consumers);
    this.#stops.push(
      options.document.onChange(({ consumers }) => {
        this.#declared = declared(consumers);
        this.#version += 1;
      }),
    );
  }

  static async open(options: ConsumerStoreOptions): Promise<ConsumerStore> {
    const bucket = await openBucket(options.bus, { name: consumersBucket, replicas: options.replicas });
    const store = new ConsumerStore(bucket, options);
    store.#stops.push(
      await bucket.tail({
        onChange: (change) => store.#apply(change),
        onGap: () => store.#missed(),
      }),
    );
    return store;
  }

  get(id: string): Consumer | null {
    return this.#declared.get(id) ?? this.#consumers.peek(id) ?? null;
  }

  find(id: string): Consumer | null | Promise<Consumer | null> {
    const known = this.#declared.get(id) ?? this.#consumers.peek(id);
    return known === undefined ? this.#consumers.find(id) : known;
  }

  /**
   * Rises with whatever may have changed a consumer. A key that has changed is another {@link KeyEntry}: nothing that
   * was found out about others is lost while very many keys are written.
   */
  get version(): number {
    return this.#version;
  }

  /** Consumers of KV at hand. */
  get size(): number {
    return this.#consumers.size;
  }

  /**
   * Tells of every change of the bucket by its KV key, after it has been applied. `watched` gives the KV keys that must
   * be looked up again when changes may have been missed.
   */
  onChange(listener: EntryListener, watched: () => Iterable<string>): void {
    this.#listeners.add(listener);
    this.#watched = watched;
  }

  /** Looks those entries up that are not at hand, by their KV keys, and tells the listeners when they are. */
  fetch(entries: readonly string[]): void {
    const missing = entries.filter((key) => !this.#isAtHand(key));
    if (missing.length > 0) void this.#refresh(missing);
  }

  stop(): void {
    this.#stopped = true;
    for (const stop of this.#stops) stop();
  }

  #apply({ key, value, revision }: BucketChange): void {
    const entry = entryOf(key);
    if (entry === null) return;
    const cache = entry.kind === 'key' ? this.keys : this.#consumers;
    cache.apply(entry.id, value, revision);
    if (entry.kind === 'consumer') this.#version += 1;
    for (const listener of this.#listeners) listener(key);
  }

  #isAtHand(key: string): boolean {
    const entry = entryOf(key);
    if (entry === null || (entry.kind === 'consumer' && this.#declared.has(entry.id))) return true;
    return (entry.kind === 'key' ? this.keys : this.#consumers).peek(entry.id) !== undefined;
  }

  /** Calls look everything up again by themselves; for live connections somebody has to. */
  #missed(): void {
    this.#version += 1;
    this.keys.clear();
    this.#consumers.clear();
    // What is being looked up may be answered with how it was before.
    this.#refreshing.clear();
    void this.#refresh([...this.#watched()]);
  }

  async #refresh(entries: readonly string[]): Promise<void> {
    const failed: string[] = [];
    for (let at = 0; at < entries.length; at += refreshAtOnce)
      await Promise.all(
        entries.slice(at, at + refreshAtOnce).map(async (key) => {
          const entry = entryOf(key);
          // Many connections depend on one consumer: one look-up, and one word to the listeners.
          if (entry === null || this.#refreshing.has(key)) return;
          this.#refreshing.add(key);
          try {
            await (entry.kind === 'key' ? this.keys : this.#consumers).find(entry.id);
          } catch {
            failed.push(key);
            return;
          } finally {
            this.#refreshing.delete(key);
          }
          for (const listener of this.#listeners) listener(key);
        }),
      );
    if (failed.length === 0 || this.#stopped) return;
    setTimeout(() => void this.#refresh(failed), retryMs).unref();
  }

  /** An entry that cannot be read opens nothing: it counts as absent. */
  #decode<T>(what: string, read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      this.#report(`${what} in the bucket cannot be read and counts as absent`, error);
      return null;
    }
  }
}

function keyEntry(id: string, value: Uint8Array): KeyEntry {
  const stored = decodeKey(value);
  if (stored.id !== id) throw new TypeError(`it says that it is key ${stored.id}`);
  const { consumer, hash, created, expires, disabled } = stored;
  return { id, consumer, created, expires, disabled, digest: Buffer.from(hash, 'base64url'), memo: null };
}

function declared(consumers: readonly Consumer[]): Map<string, Consumer> {
  return new Map(consumers.map((consumer) => [consumer.id, consumer]));
}
