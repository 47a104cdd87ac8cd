import { isMarker, type BucketChange, type BucketEntry } from './bucket-entry.ts';
import type { Bus } from './bus.ts';
import { BusError, isBusError } from './errors.ts';
import { apiError, nanos } from './jetstream-api.ts';
import { lastMessage, lastMessages, publishStored, readFrom } from './stored.ts';
import type { StoredMessage } from './stored-message.ts';
import { ensureConfig } from './streams.ts';
import { tailBucket, type TailOptions } from './tail.ts';
import { watchBucket } from './watch.ts';

export interface BucketSpec {
  readonly name: string;
  /** Default: what the bucket has, 1 when it is new. */
  readonly replicas?: number;
  /** Values kept per key; default 1. */
  readonly history?: number;
  /** Allows per-key TTLs (`ttlMs`: whole seconds, at least one); needed by leases. */
  readonly perKeyTtl?: boolean;
}

export interface WriteOptions {
  /** The key expires; whole seconds, at least one. */
  readonly ttlMs?: number;
  /** How long the write may take; default 5 s. */
  readonly timeoutMs?: number;
}

export interface BucketPage {
  readonly entries: readonly BucketEntry[];
  readonly next: number | null;
}

/** A JetStream KV bucket. Errors are BusErrors; a wrong revision or an existing key is `rejected`. */
export interface Bucket {
  get(key: string): Promise<BucketEntry | null>;
  put(key: string, value: Uint8Array | string): Promise<number>;
  /** Fails with `rejected` when the key exists. */
  create(key: string, value: Uint8Array | string, options?: WriteOptions): Promise<number>;
  /** Fails with `rejected` when the key's revision is another. */
  update(key: string, value: Uint8Array | string, revision: number, options?: WriteOptions): Promise<number>;
  /** Gives the revision that says so. */
  delete(key: string, revision?: number): Promise<number>;
  entries(): Promise<BucketEntry[]>;
  /**
   * Values in the order they were last written, for lists of any length. `keys` may hold wildcards, `after` is the
   * `next` of the page before; `next` is null on the last page. A key that is written meanwhile comes later, or twice.
   */
  page(options: { keys?: string; after?: number; limit: number }): Promise<BucketPage>;
  /**
   * Every present value first, then `onReady` once, then the changes in order; a value that is overwritten at once may be
   * left out, the newest never is. Survives reconnects, server restarts, and a bucket that is lost and made anew: whatever
   * is another value then, or has vanished, is told, and nothing else. Each change is therefore to be taken as it comes; its
   * revision is for writing over it, not for comparing, because a bucket made anew counts from 1. Gives a function that
   * stops it.
   */
  watch(options: {
    onChange(change: BucketChange): void;
    onReady?(): void;
    keys?: string;
  }): Promise<() => void>;
  /** Like `watch`, but from now on and without the present values, for buckets too large to be held. */
  tail(options: TailOptions): Promise<() => void>;
}

const expectedRevision = 'Nats-Expected-Last-Subject-Sequence';

/** How long one write may take. */
const writeMs = 5_000;

/** The mark of a deleted key stays this long for readers that are behind; without an end, key churn would fill the bucket. */
const markerSeconds = 600;

/** The mark of an expired key. */
const expiryMarkerMs = 60_000;

/** Opens a bucket, made when it is missing. Throws BusError `rejected` when the server cannot have it as declared. */
export async function openBucket(bus: Bus, spec: BucketSpec): Promise<Bucket> {
  const config = {
    name: `KV_${spec.name}`,
    subjects: [`$KV.${spec.name}.>`],
    storage: 'file',
    max_msgs_per_subject: spec.history ?? 1,
    discard: 'new',
    allow_direct: true,
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_msg_ttl: true,
    ...(spec.replicas === undefined ? {} : { num_replicas: spec.replicas }),
    ...(spec.perKeyTtl === true ? { subject_delete_marker_ttl: nanos(expiryMarkerMs) } : {}),
  };
  await ensureConfig(bus, config, { num_replicas: 1 });
  return new KvBucket(bus, spec.name);
}

/** The {@link Bucket} in the layout of JetStream KV (ADR-8), so that `nats kv` reads and writes it too. */
class KvBucket implements Bucket {
  readonly #bus: Bus;
  readonly #stream: string;
  readonly #prefix: string;

  constructor(bus: Bus, name: string) {
    this.#bus = bus;
    this.#stream = `KV_${name}`;
    this.#prefix = `$KV.${name}.`;
  }

  async get(key: string): Promise<BucketEntry | null> {
    const found = await lastMessage(this.#bus, this.#stream, this.#subject(key));
    return found === null || isMarker(found) ? null : this.#entry(found);
  }

  put(key: string, value: Uint8Array | string): Promise<number> {
    return this.#write(key, value, []);
  }

  async create(key: string, value: Uint8Array | string, options: WriteOptions = {}): Promise<number> {
    try {
      return await this.update(key, value, 0, options);
    } catch (error) {
      if (!isWrongRevision(error)) throw error;
      // A deleted key is absent, though its mark still has a revision.
      const last = await lastMessage(this.#bus, this.#stream, this.#subject(key));
      if (last === null || !isMarker(last)) throw error;
      return this.update(key, value, last.seq, options);
    }
  }

  update(
    key: string,
    value: Uint8Array | string,
    revision: number,
    options: WriteOptions = {},
  ): Promise<number> {
    const ttl = options.ttlMs === undefined ? [] : ['Nats-TTL', `${Math.ceil(options.ttlMs / 1_000)}s`];
    return this.#write(key, value, [expectedRevision, String(revision), ...ttl], options.timeoutMs);
  }

  delete(key: string, revision?: number): Promise<number> {
    return this.#write(key, '', [
      'KV-Operation',
      'DEL',
      'Nats-TTL',
      `${markerSeconds}s`,
      ...(revision === undefined ? [] : [expectedRevision, String(revision)]),
    ]);
  }

  async entries(): Promise<BucketEntry[]> {
    const found = await lastMessages(this.#bus, this.#stream, [`${this.#prefix}>`]);
    return found.filter((message) => !isMarker(message)).map((message) => this.#entry(message));
  }

  async page({ keys = '>', after = 0, limit }: { keys?: string; after?: number; limit: number }) {
    const entries: BucketEntry[] = [];
    let last = after;
    for (;;) {
      // One more than fits tells whether there is another page.
      const wanted = limit + 1 - entries.length;
      const found = await readFrom(this.#bus, this.#stream, this.#prefix + keys, last + 1, { limit: wanted });
      for (const message of found) if (!isMarker(message)) entries.push(this.#entry(message));
      last = found.at(-1)?.seq ?? last;
      if (entries.length > limit)
        return { entries: entries.slice(0, limit), next: entries[limit - 1]?.revision ?? null };
      if (found.length < wanted) return { entries, next: null };
    }
  }

  watch(options: {
    onChange(change: BucketChange): void;
    onReady?(): void;
    keys?: string;
  }): Promise<() => void> {
    return watchBucket(this.#bus, this.#stream, this.#prefix, options);
  }

  tail(options: TailOptions): Promise<() => void> {
    return tailBucket(this.#bus, this.#stream, this.#prefix, options);
  }

  async #write(
    key: string,
    value: Uint8Array | string,
    headers: readonly string[],
    timeoutMs = writeMs,
  ): Promise<number> {
    const deadline = Date.now() + timeoutMs;
    const { seq } = await publishStored(this.#bus, this.#subject(key), value, { deadline, headers });
    return seq;
  }

  #entry(message: StoredMessage): BucketEntry {
    return { key: message.subject.slice(this.#prefix.length), value: message.data, revision: message.seq };
  }

  #subject(key: string): string {
    if (!/^[-/_=a-zA-Z0-9]+(?:\.[-/_=a-zA-Z0-9]+)*$/.test(key))
      throw new BusError(
        'rejected',
        `${JSON.stringify(key)} is no key: letters, digits, - / _ = and single dots`,
      );
    return this.#prefix + key;
  }
}

/** Whether a write failed because somebody else was faster: the key has another revision, or exists already. */
export function isWrongRevision(error: unknown): boolean {
  return (
    isBusError(error, 'rejected') &&
    (error.code === apiError.wrongLastSequence || error.code === apiError.wrongLastSequenceConstant)
  );
}
