import type { Bucket, BucketChange } from '@sluice/nats';
import { routeKey, type CompiledRoute } from '@sluice/routes';
import type { StoredValue, TableWrite } from './diff.ts';

/** How long a write may take to come back through the watch. */
const echoMs = 5_000;

/**
 * KV `routes` as it is stored, texts and revisions: what the compiler compares with. Its own writes are seen when the
 * watch tells of them, like everybody else's, so there is one truth about what is stored.
 */
export class StoredTable {
  readonly values = new Map<string, StoredValue>();
  readonly #routes = new Map<string, CompiledRoute>();
  readonly #bucket: Bucket;
  readonly #onChange: () => void;
  readonly #waiting = new Set<() => void>();
  #stop: () => void = () => {};
  #ready = false;

  constructor(bucket: Bucket, onChange: () => void) {
    this.#bucket = bucket;
    this.#onChange = onChange;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** The routes among the values, by id. */
  get routes(): ReadonlyMap<string, CompiledRoute> {
    return this.#routes;
  }

  async start(): Promise<void> {
    this.#stop = await this.#bucket.watch({
      onChange: (change) => this.#apply(change),
      onReady: () => {
        this.#ready = true;
        this.#onChange();
      },
    });
  }

  stop(): void {
    this.#stop();
    this.#ready = false;
    for (const settle of this.#waiting) settle();
  }

  /** Resolves with true when all of these writes are seen here, with false when that takes too long. */
  reflects(writes: readonly TableWrite[]): Promise<boolean> {
    const pending = new Map(writes.map((write) => [write.key, write.kind === 'delete' ? null : write.text]));
    const caughtUp = (): boolean => {
      for (const [key, text] of pending)
        if ((this.values.get(key)?.text ?? null) === text) pending.delete(key);
      return pending.size === 0;
    };
    if (caughtUp()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(caughtUp());
      };
      const look = (): void => {
        if (!this.#ready || caughtUp()) settle();
      };
      const timer = setTimeout(settle, echoMs);
      this.#waiting.add(look);
    });
  }

  #apply({ key, value, revision }: BucketChange): void {
    if (value === null) {
      this.values.delete(key);
      this.#forget(key);
    } else {
      const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
      this.values.set(key, { text, revision });
      this.#remember(key, text);
    }
    for (const look of this.#waiting) look();
    if (this.#ready) this.#onChange();
  }

  #forget(key: string): void {
    if (key.startsWith('route.')) this.#routes.delete(key.slice('route.'.length));
  }

  /** What somebody else wrote and is no route is no incumbent; the next compilation replaces it. */
  #remember(key: string, text: string): void {
    if (!key.startsWith('route.')) return;
    this.#forget(key);
    try {
      const route = JSON.parse(text) as CompiledRoute;
      if (routeKey(route.id) === key && typeof route.path === 'string' && typeof route.method === 'string')
        this.#routes.set(route.id, route);
    } catch {
      // Not JSON: the same.
    }
  }
}
