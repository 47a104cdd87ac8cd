import { LRUCache } from 'lru-cache';

/** What was told of an entry last. */
export interface RecentChange {
  readonly revision: number;
  readonly gone: boolean;
}

/** Changes of entries that are not at hand, kept while an answer from before them may still be on its way. */
const mostRecent = 4_096;

/**
 * What the follower of a bucket was told lately. Answers come on another way than changes do: the one to a question, or to
 * a write of one's own, may arrive after the change that has overtaken it.
 */
export class RecentChanges {
  readonly #changes: LRUCache<string, RecentChange>;
  /** Highest revisions: told, and told but not kept any more. */
  #newest = 0;
  #forgotten = 0;
  #gaps = 0;

  constructor(most = mostRecent) {
    this.#changes = new LRUCache({
      max: most,
      dispose: ({ revision }, _entry, reason) => {
        if (reason === 'evict') this.#forgotten = Math.max(this.#forgotten, revision);
      },
    });
  }

  get(entry: string): RecentChange | undefined {
    return this.#changes.peek(entry);
  }

  /** One that is older than what is known already changes nothing. */
  add(entry: string, change: RecentChange): void {
    this.#newest = Math.max(this.#newest, change.revision);
    const known = this.#changes.peek(entry);
    if (known === undefined || known.revision < change.revision) this.#changes.set(entry, change);
  }

  /**
   * Changes may have been missed. What was there may be gone by now, so that a bucket that knows nothing of it is believed
   * and not taken for one that is behind; what is gone stays gone, because no entry is made twice. `another`: the bucket
   * itself was made anew, and its revisions begin anew.
   */
  missed(another: boolean): void {
    this.#gaps += 1;
    if (another) {
      this.#changes.clear();
      this.#newest = this.#forgotten = 0;
    }
    for (const [entry, { gone }] of this.#changes.entries()) if (!gone) this.#changes.delete(entry);
  }

  /** To be called with a question. What it gives tells, with the answer, whether a change since then may be unknown here. */
  follow(): () => boolean {
    const [newest, gaps] = [this.#newest, this.#gaps];
    return () => this.#gaps !== gaps || this.#forgotten > newest;
  }
}
