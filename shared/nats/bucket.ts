/** A value of a KV bucket. */
export interface BucketEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: number;
}

/** One change as a watcher sees it; `value` is null for a deleted or expired key. */
export interface BucketChange {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly revision: number;
}

export interface BucketSpec {
  readonly name: string;
  readonly replicas: number;
  /** Values kept per key; default 1. */
  readonly history?: number;
  /** Allows per-key TTLs (`create` with `ttlMs`); needed by leases. */
  readonly perKeyTtl?: boolean;
}

/** A JetStream KV bucket. Errors are BusErrors; a wrong revision or an existing key is `rejected`. */
export interface Bucket {
  get(key: string): Promise<BucketEntry | null>;
  put(key: string, value: Uint8Array | string): Promise<number>;
  /** Fails with `rejected` when the key exists. */
  create(key: string, value: Uint8Array | string, options?: { ttlMs?: number }): Promise<number>;
  /** Fails with `rejected` when the key's revision is another. */
  update(
    key: string,
    value: Uint8Array | string,
    revision: number,
    options?: { ttlMs?: number },
  ): Promise<number>;
  delete(key: string, revision?: number): Promise<void>;
  entries(): Promise<BucketEntry[]>;
  /**
   * Every present value first, then `onReady` once, then every change, in order. Survives reconnects and server restarts
   * (then everything is told again, including keys that vanished meanwhile). Gives a function that stops it.
   */
  watch(options: {
    onChange(change: BucketChange): void;
    onReady?(): void;
    keys?: string;
  }): Promise<() => void>;
}
