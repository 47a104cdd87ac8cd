import { isBusError, openBucket, type Bucket, type Bus } from '@sluice/nats';
import { LRUCache } from 'lru-cache';
import type { Caller } from '../../caller.ts';
import { RecentChanges } from './recent-changes.ts';
import {
  decodeSession,
  encodeSession,
  sessionsBucket,
  type SessionState,
  type StoredSession,
} from './stored-session.ts';

/** An entry as this edge knows it; a newer revision is another object. */
export interface KnownSession {
  readonly stored: StoredSession;
  readonly revision: number;
  /** What was sealed, once it has been opened. */
  state: SessionState | null;
  caller: Caller | null;
  /** What `caller` was made by: the rules of a login and the grants of a document. */
  terms: readonly unknown[];
}

export interface SessionStoreOptions {
  readonly bus: Bus;
  readonly replicas: number;
  /** Sessions kept at hand. */
  readonly most: number;
  /** An entry has changed, or is gone; null: any of them may have. */
  readonly changed: (entry: string | null) => void;
}

/** Sealed tokens of a session take a few KiB; the average bounds the memory, not each. */
const bytesPerSession = 8 * 1024;
const staleRetries = 20;
const staleMs = 50;

/**
 * The sessions in KV, and those of them that this edge has at hand: read when they are asked for, replaced by what the
 * bucket's followers are told. Whatever way a revision comes, by a change, a question or a write of this edge, it is at
 * hand only while nothing newer is known: a session that was ended elsewhere does not come back. Errors are BusErrors.
 */
export class SessionStore {
  readonly #options: SessionStoreOptions;
  readonly #known: LRUCache<string, KnownSession>;
  readonly #recent = new RecentChanges();
  readonly #pending = new Map<string, Promise<KnownSession | null>>();
  #opening: Promise<Bucket> | null = null;
  #stopTail: () => void = () => {};
  #stopped = false;

  constructor(options: SessionStoreOptions) {
    this.#options = options;
    this.#known = new LRUCache({
      max: options.most,
      maxSize: options.most * bytesPerSession,
      sizeCalculation: ({ stored }) => 1_024 + 3 * stored.sealed.length,
    });
  }

  get size(): number {
    return this.#known.size;
  }

  /** What is at hand. */
  peek(entry: string): KnownSession | undefined {
    return this.#known.get(entry);
  }

  /**
   * One question per entry however many ask. Null: there is no such session. One that `isNew` is asked for again for a
   * moment: a replica of the bucket may be behind.
   */
  find(entry: string, isNew: boolean): Promise<KnownSession | null> {
    const known = this.#known.get(entry);
    if (known !== undefined) return Promise.resolve(known);
    return this.read(entry, isNew);
  }

  /** Asks the bucket in any case. */
  read(entry: string, isNew = false): Promise<KnownSession | null> {
    const pending = this.#pending.get(entry);
    if (pending) return pending;
    const reading = this.#read(entry, isNew).finally(() => this.#pending.delete(entry));
    this.#pending.set(entry, reading);
    return reading;
  }

  async create(entry: string, session: StoredSession, end: number): Promise<void> {
    const bucket = await this.#bucket();
    const unsure = this.#recent.follow();
    const revision = await bucket.create(entry, encodeSession(session), { ttlMs: lifetime(end) });
    if (!unsure()) this.#keep(entry, session, revision);
  }

  /**
   * Writes over the given revision. Null when somebody else has written, or ended it, meanwhile: before this write, or
   * before its acknowledgement has come.
   */
  async replace(
    entry: string,
    session: StoredSession,
    revision: number,
    end: number,
  ): Promise<KnownSession | null> {
    const bucket = await this.#bucket();
    const unsure = this.#recent.follow();
    try {
      const now = await bucket.update(entry, encodeSession(session), revision, { ttlMs: lifetime(end) });
      // It was written, and may have been ended unheard: not at hand, but what comes next is to be written over it.
      if (unsure()) return { stored: session, revision: now, state: null, caller: null, terms: [] };
      const kept = this.#keep(entry, session, now);
      return kept?.revision === now ? kept : null;
    } catch (error) {
      if (isBusError(error, 'rejected')) return null;
      throw error;
    }
  }

  /** Ends a session on every edge. */
  async end(entry: string): Promise<void> {
    const bucket = await this.#bucket();
    this.#told(entry, null, await bucket.delete(entry));
  }

  stop(): void {
    this.#stopped = true;
    this.#stopTail();
    this.#known.clear();
  }

  async #read(entry: string, isNew: boolean): Promise<KnownSession | null> {
    const bucket = await this.#bucket();
    for (let attempt = 0; ; attempt++) {
      const unsure = this.#recent.follow();
      const found = await bucket.get(entry);
      if (unsure()) continue;
      const recent = this.#recent.get(entry);
      const behind = recent !== undefined && recent.revision > (found?.revision ?? 0);
      const missing = recent === undefined ? found === null && isNew : behind && !recent.gone;
      if (missing && attempt < staleRetries) {
        // A replica of the stream that is a moment behind the others, or behind what this edge was told already.
        await new Promise((resolve) => setTimeout(resolve, staleMs));
        continue;
      }
      const stored = found === null || behind ? null : decodeSession(found.value);
      if (found === null || stored === null) {
        this.#known.delete(entry);
        return null;
      }
      return this.#keep(entry, stored, found.revision);
    }
  }

  /** A change; null: the entry is gone. */
  #told(entry: string, stored: StoredSession | null, revision: number): void {
    this.#recent.add(entry, { revision, gone: stored === null });
    if (stored === null) this.#known.delete(entry);
    else if (this.#known.has(entry)) this.#keep(entry, stored, revision);
    this.#options.changed(entry);
  }

  /** The newest revision of an entry, this one or another; null where it has changed since, or is gone. */
  #keep(entry: string, stored: StoredSession, revision: number): KnownSession | null {
    const known = this.#known.get(entry);
    if (known !== undefined && known.revision >= revision) return known;
    if ((this.#recent.get(entry)?.revision ?? 0) > revision) return null;
    // A mark that somebody is refreshing changes nothing else.
    const same = known?.stored.sealed === stored.sealed ? known : null;
    const next: KnownSession = {
      stored,
      revision,
      state: same?.state ?? null,
      caller: same?.caller ?? null,
      terms: same?.terms ?? [],
    };
    this.#known.set(entry, next);
    return next;
  }

  /** Opened when the first session needs it; tried again by the next one where that fails. */
  #bucket(): Promise<Bucket> {
    if (this.#opening !== null) return this.#opening;
    const opening = this.#open();
    this.#opening = opening;
    opening.catch(() => {
      if (this.#opening === opening) this.#opening = null;
    });
    return opening;
  }

  async #open(): Promise<Bucket> {
    const { bus, replicas, changed } = this.#options;
    const bucket = await openBucket(bus, { name: sessionsBucket, replicas, perKeyTtl: true });
    const stop = await bucket.tail({
      onChange: ({ key, value, revision }) => {
        this.#told(key, value === null ? null : decodeSession(value), revision);
      },
      onGap: (another) => {
        this.#recent.missed(another);
        this.#known.clear();
        changed(null);
      },
    });
    if (this.#stopped) stop();
    else this.#stopTail = stop;
    return bucket;
  }
}

/** What is left of a session, at least the second that NATS asks for. */
function lifetime(end: number): number {
  return Math.max(end - Date.now(), 1_000);
}
