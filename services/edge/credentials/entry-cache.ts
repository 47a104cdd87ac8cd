import { LRUCache } from 'lru-cache';
import type { BucketEntry } from '@sluice/nats';
import { cannotCheck } from './bearer.ts';

/** Ids that were asked for and do not exist: few, because anybody can invent more. */
const mostAbsent = 4_096;
/** Changes of entries that are not at hand, kept while an answer from before them may still be on its way. */
const mostRecent = 4_096;
/** Look-ups that may be under way together; more are refused with 503 instead of being queued. */
const mostPending = 1_000;

export interface EntryCacheOptions<T> {
  /** Entries at hand; those not used for the longest time make room. */
  readonly max: number;
  /** Asks the bucket. */
  readonly load: (id: string) => Promise<BucketEntry | null>;
  /** Null for a value that cannot be read. Must not throw. */
  readonly decode: (id: string, value: Uint8Array) => T | null;
}

interface Known<T> {
  readonly value: T | null;
  readonly revision: number;
}

/**
 * Entries of a bucket too large to keep a replica of: looked up when they are asked for, one question per id however many
 * ask, and replaced by what the bucket's followers are told. A replica of the stream may answer a question with less than
 * a change has told already, so the higher revision counts.
 */
export class EntryCache<T extends object> {
  readonly #options: EntryCacheOptions<T>;
  readonly #present: LRUCache<string, T>;
  readonly #absent = new LRUCache<string, true>({ max: mostAbsent });
  readonly #recent = new LRUCache<string, Known<T>>({ max: mostRecent });
  readonly #pending = new Map<string, Promise<T | null>>();
  /** Rises when everything is forgotten: answers to older questions are not kept. */
  #age = 0;

  constructor(options: EntryCacheOptions<T>) {
    this.#options = options;
    this.#present = new LRUCache({ max: options.max });
  }

  /** What is known of an id; null: it does not exist; undefined: ask with `find`. */
  peek(id: string): T | null | undefined {
    const present = this.#present.get(id);
    if (present !== undefined) return present;
    if (this.#absent.has(id)) return null;
    // Told of lately, and used for the first time.
    const recent = this.#recent.peek(id);
    if (recent !== undefined) this.#keep(id, recent.value);
    return recent?.value;
  }

  /** Rejects with SluiceError `unavailable` when the bucket cannot be asked. */
  find(id: string): Promise<T | null> {
    const pending = this.#pending.get(id);
    if (pending) return pending;
    if (this.#pending.size >= mostPending) return Promise.reject(cannotCheck('too many look-ups'));
    const asked = this.#ask(id).finally(() => this.#pending.delete(id));
    this.#pending.set(id, asked);
    return asked;
  }

  /** A change of the bucket; `value` is null for an entry that is gone. */
  apply(id: string, value: Uint8Array | null, revision: number): void {
    const decoded = value === null ? null : this.#options.decode(id, value);
    this.#recent.set(id, { value: decoded, revision });
    if (this.#present.has(id) || this.#absent.has(id)) this.#keep(id, decoded);
  }

  /** Changes may have been missed. */
  clear(): void {
    this.#age += 1;
    this.#present.clear();
    this.#absent.clear();
    this.#recent.clear();
  }

  get size(): number {
    return this.#present.size;
  }

  async #ask(id: string): Promise<T | null> {
    const age = this.#age;
    let entry: BucketEntry | null;
    try {
      entry = await this.#options.load(id);
    } catch (cause) {
      throw cannotCheck(cause);
    }
    const newer = this.#recent.peek(id);
    const value =
      newer !== undefined && newer.revision > (entry?.revision ?? 0)
        ? newer.value
        : entry && this.#options.decode(id, entry.value);
    if (age === this.#age) this.#keep(id, value);
    return value;
  }

  #keep(id: string, value: T | null): void {
    if (value === null) {
      this.#present.delete(id);
      this.#absent.set(id, true);
    } else {
      this.#absent.delete(id);
      this.#present.set(id, value);
    }
  }
}
