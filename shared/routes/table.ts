import { openBucket, type BucketChange, type Bus } from '@sluice/nats';
import { isAdminPath, isAdminSubject } from './admin-paths.ts';
import { routesBucket } from './keys.ts';
import { plainRoute, type CompiledRoute } from './route.ts';
import { RouteTrie, type RouteMatch } from './trie.ts';

/** What changed in one step: ids that are new or different, and ids that are gone. */
export interface RouteChanges {
  readonly put: readonly string[];
  readonly removed: readonly string[];
}

export interface FollowOptions {
  /** Copies of the bucket, should it have to be made. */
  readonly replicas: number;
  /** Told of values that are no route; they are left out and the rest is served. */
  readonly report?: (detail: string, error?: unknown) => void;
  /** Changes within this time are applied in one step, milliseconds; default 20. */
  readonly settleMs?: number;
}

/** A read-only replica of the compiled table. It keeps answering from what it knows while NATS is away. */
export interface RouteTable {
  readonly size: number;
  /** False until the whole table has been read once: an unknown path means nothing before. */
  readonly ready: boolean;
  /** Resolves when `ready` becomes true. */
  readonly loaded: Promise<void>;
  match(method: string, segments: readonly string[]): RouteMatch<CompiledRoute>;
  get(id: string): CompiledRoute | undefined;
  routes(): IterableIterator<CompiledRoute>;
  /** Called after each step; gives a function that stops it. */
  onChange(listener: (changes: RouteChanges) => void): () => void;
  stop(): void;
}

const prefix = 'route.';
const nothing = { kind: 'none' } as const;
const defaultSettleMs = 20;

/**
 * Follows KV `routes`. Changes are gathered for a moment and applied together, removals first: a route that moves from
 * one id to another is never missing in between. Only what changed is touched, so a thousand routes that come or go
 * cost a request nothing it could notice. Resolves when the watch is on; `ready` tells when the first reading is
 * complete. Throws BusError when the bucket cannot be opened.
 */
export async function followRoutes(bus: Bus, options: FollowOptions): Promise<RouteTable> {
  const bucket = await openBucket(bus, { name: routesBucket, replicas: options.replicas });
  const replica = new Replica(options.report ?? (() => {}), options.settleMs ?? defaultSettleMs);
  const stop = await bucket.watch({
    keys: `${prefix}>`,
    onChange: (change) => replica.change(change),
    onReady: () => replica.complete(),
  });
  replica.onStop(stop);
  return replica;
}

class Replica implements RouteTable {
  readonly #report: (detail: string, error?: unknown) => void;
  readonly #settleMs: number;
  readonly #trie = new RouteTrie<CompiledRoute>();
  readonly #routes = new Map<string, CompiledRoute>();
  readonly #listeners = new Set<(changes: RouteChanges) => void>();
  #waiting = new Map<string, CompiledRoute | null>();
  #timer: NodeJS.Timeout | undefined;
  #stopWatch: () => void = () => {};
  readonly #loaded = Promise.withResolvers<void>();
  #ready = false;
  #stopped = false;

  constructor(report: (detail: string, error?: unknown) => void, settleMs: number) {
    this.#report = report;
    this.#settleMs = settleMs;
  }

  get size(): number {
    return this.#routes.size;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  match(method: string, segments: readonly string[]): RouteMatch<CompiledRoute> {
    const found = this.#trie.match(method, segments);
    // A template that begins with a parameter (`/{path...}`) must not catch admin credentials while the admin service is away.
    if (found.kind === 'route' && isAdminPath(segments) && !isAdminSubject(found.route.subject))
      return nothing;
    return found;
  }

  get(id: string): CompiledRoute | undefined {
    return this.#routes.get(id);
  }

  routes(): IterableIterator<CompiledRoute> {
    return this.#routes.values();
  }

  onChange(listener: (changes: RouteChanges) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onStop(stopWatch: () => void): void {
    this.#stopWatch = stopWatch;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stopWatch();
  }

  /** The first reading is applied at once, so that `ready` never tells of a table that is still half empty. */
  complete(): void {
    this.#apply();
    this.#ready = true;
    this.#loaded.resolve();
  }

  change(change: BucketChange): void {
    if (this.#stopped || !change.key.startsWith(prefix)) return;
    const id = change.key.slice(prefix.length);
    this.#wait(id, change.value && this.#parse(id, change.value));
  }

  #wait(id: string, route: CompiledRoute | null): void {
    this.#waiting.set(id, route);
    this.#timer ??= setTimeout(() => this.#apply(), this.#settleMs);
  }

  #parse(id: string, value: Uint8Array): CompiledRoute | null {
    try {
      const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
      // A router of an earlier version may have written it: what it did not know is closed, not open.
      const route: CompiledRoute = {
        ...plainRoute,
        ...(JSON.parse(text) as CompiledRoute),
        announced: null,
      };
      if (route.id !== id || typeof route.method !== 'string' || typeof route.path !== 'string')
        throw new TypeError('value is not a compiled route of this id');
      return route;
    } catch (error) {
      this.#report(`route ${id} is unreadable and left out`, error);
      return null;
    }
  }

  #apply(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    if (waiting.size === 0) return;
    this.#waiting = new Map();
    const put: string[] = [];
    const removed: string[] = [];
    for (const [id, route] of waiting) {
      const before = this.#routes.get(id);
      if (!before) continue;
      this.#trie.remove(before);
      this.#routes.delete(id);
      if (route === null) removed.push(id);
    }
    for (const [id, route] of waiting) {
      if (route === null) continue;
      try {
        this.#trie.add(route);
        this.#routes.set(id, route);
        put.push(id);
      } catch (error) {
        this.#report(`route ${id} has an unusable path and is left out`, error);
        removed.push(id);
      }
    }
    if (put.length === 0 && removed.length === 0) return;
    for (const listener of this.#listeners) {
      try {
        listener({ put, removed });
      } catch (error) {
        this.#report('a listener of the route table threw', error);
      }
    }
  }
}
