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

/** A change as it was told. Most are of entries that nobody here asks for, so the value is read when somebody does. */
interface Told<T> {
  readonly revision: number;
  /** What has not been read yet; null afterwards, and for an entry that is gone. */
  bytes: Uint8Array | null;
  value: T | null;
}

/** A question under way. */
interface Pending<T> {
  readonly answer: Promise<T | null>;
  /** The newest change since it was asked. */
  told: Told<T> | undefined;
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
  readonly #recent = new LRUCache<string, Told<T>>({ max: mostRecent });
  readonly #pending = new Map<string, Pending<T>>();
  /** Rises when everything is forgotten: answers to older questions do not count. */
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
    if (recent === undefined) return undefined;
    const value = this.#read(id, recent);
    this.#keep(id, value);
    return value;
  }

  /** Rejects with SluiceError `unavailable` when the bucket cannot be asked. */
  find(id: string): Promise<T | null> {
    const pending = this.#pending.get(id);
    if (pending) return pending.answer;
    if (this.#pending.size >= mostPending) return Promise.reject(cannotCheck('too many look-ups'));
    const { promise, resolve } = Promise.withResolvers<T | null>();
    const question: Pending<T> = { answer: promise, told: undefined };
    this.#pending.set(id, question);
    resolve(
      this.#ask(id, question).finally(() => {
        if (this.#pending.get(id) === question) this.#pending.delete(id);
      }),
    );
    return promise;
  }

  /**
   * A change of the bucket; `value` is null for an entry that is gone. Where a million keys are written, all but a few are
   * of no interest here: for those it costs a copy of the bytes, and they are not decoded.
   */
  apply(id: string, value: Uint8Array | null, revision: number): void {
    // The value is a view of the socket's buffer.
    const told: Told<T> = { revision, bytes: value && Buffer.from(value), value: null };
    this.#recent.set(id, told);
    const pending = this.#pending.get(id);
    if (pending !== undefined) pending.told = told;
    if (this.#present.has(id)) this.#keep(id, this.#read(id, told));
    else if (value !== null) this.#absent.delete(id);
  }

  /** Changes may have been missed: from now on everything is asked for anew, also where an answer is on its way. */
  clear(): void {
    this.#age += 1;
    this.#present.clear();
    this.#absent.clear();
    this.#recent.clear();
    this.#pending.clear();
  }

  get size(): number {
    return this.#present.size;
  }

  async #ask(id: string, question: Pending<T>): Promise<T | null> {
    const age = this.#age;
    let entry: BucketEntry | null;
    try {
      entry = await this.#options.load(id);
    } catch (cause) {
      throw cannotCheck(cause);
    }
    // Told revisions may even be those of a bucket that is no more.
    if (age !== this.#age) return this.find(id);
    // However much else was told meanwhile: what was told of a question's own entry stays with the question.
    const newer = question.told ?? this.#recent.peek(id);
    const value =
      newer !== undefined && newer.revision > (entry?.revision ?? 0)
        ? this.#read(id, newer)
        : entry && this.#options.decode(id, entry.value);
    this.#keep(id, value);
    return value;
  }

  #read(id: string, told: Told<T>): T | null {
    if (told.bytes !== null) {
      told.value = this.#options.decode(id, told.bytes);
      told.bytes = null;
    }
    return told.value;
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
