import { isDeepStrictEqual } from 'node:util';
import { consumerEntryKey, keyEntryKey } from '@sluice/policy';
import type { Caller } from '../caller.ts';
import type { Ending } from './authenticator.ts';

/** How often the time of watched callers is looked at, and how long changes that concern everybody are collected. */
const tickMs = 250;
const collectMs = 20;

/** Who wants to hear of a caller. */
export interface CallerListener {
  readonly ended: (why: Ending) => void;
  /** Something about it is different by now, as `current` of the authenticator gives it. */
  readonly changed: () => void;
}

interface Watcher {
  readonly caller: Caller;
  /** The caller as it was when somebody looked last: its time or its roles may have changed. */
  latest: Caller;
  readonly listener: CallerListener;
}

/** One entry of the list. */
export interface Watch {
  /** This caller, and perhaps no other, may have changed. */
  look(): void;
  stop(): void;
}

/**
 * Live connections whose callers may change or stop being good. One shared timer for their times (DESIGN.md, speed rule 7). A
 * change of a key or a consumer finds its own connections; one that may concern anybody has all of them judged again.
 */
export class Watchlist {
  readonly #judge: (caller: Caller) => Caller | Ending;
  readonly #report: (detail: string, error?: unknown) => void;
  readonly #watchers = new Set<Watcher>();
  /** By the keys of KV `consumers` that a caller depends on. */
  readonly #byEntry = new Map<string, Set<Watcher>>();
  #ticking: NodeJS.Timeout | undefined;
  #collecting: NodeJS.Timeout | undefined;

  /** `judge` says why a caller is no longer good, or gives it as it is now. */
  constructor(judge: (caller: Caller) => Caller | Ending, report: (detail: string, error?: unknown) => void) {
    this.#judge = judge;
    this.#report = report;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Of a caller that is not good already the listener hears in a moment, never from inside this call. */
  add(caller: Caller, listener: CallerListener): Watch {
    const watcher: Watcher = { caller, latest: caller, listener };
    this.#watchers.add(watcher);
    for (const entry of entriesOf(caller)) {
      const others = this.#byEntry.get(entry);
      if (others) others.add(watcher);
      else this.#byEntry.set(entry, new Set([watcher]));
    }
    this.#ticking ??= setInterval(() => this.#tick(), tickMs).unref();
    setImmediate(() => this.#look(watcher));
    return { look: () => this.#look(watcher), stop: () => this.#remove(watcher) };
  }

  /** Keys of KV `consumers` that somebody watched depends on. */
  entries(): Iterable<string> {
    return this.#byEntry.keys();
  }

  /** An entry of KV `consumers` has changed. */
  entryChanged(entry: string): void {
    for (const watcher of this.#byEntry.get(entry) ?? []) this.#look(watcher);
  }

  /** Something that may concern anybody has changed: a revocation, the document, a key set. */
  changed(): void {
    if (this.#watchers.size === 0) return;
    this.#collecting ??= setTimeout(() => {
      this.#collecting = undefined;
      for (const watcher of this.#watchers) this.#look(watcher);
    }, collectMs).unref();
  }

  stop(): void {
    clearInterval(this.#ticking);
    clearTimeout(this.#collecting);
    this.#watchers.clear();
    this.#byEntry.clear();
  }

  #tick(): void {
    const now = Date.now();
    for (const watcher of this.#watchers) {
      const { expiresAt } = watcher.latest;
      if (expiresAt !== null && expiresAt <= now) this.#look(watcher);
    }
  }

  #look(watcher: Watcher): void {
    if (!this.#watchers.has(watcher)) return;
    const now = this.#judge(watcher.latest);
    if (typeof now === 'string') {
      this.#remove(watcher);
      this.#tell(() => watcher.listener.ended(now));
    } else if (now !== watcher.latest) {
      // Made anew, because a document or a cache is another one, is no change by itself.
      const same = isDeepStrictEqual(now, watcher.latest);
      watcher.latest = now;
      if (!same) this.#tell(() => watcher.listener.changed());
    }
  }

  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#report('a listener for changes of credentials failed', error);
    }
  }

  #remove(watcher: Watcher): void {
    if (!this.#watchers.delete(watcher)) return;
    for (const entry of entriesOf(watcher.caller)) {
      const others = this.#byEntry.get(entry);
      others?.delete(watcher);
      if (others?.size === 0) this.#byEntry.delete(entry);
    }
    if (this.#watchers.size === 0) {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
  }
}

/** Keys of KV `consumers` that a caller depends on. */
export function entriesOf({ key, consumer }: Caller): string[] {
  return [
    ...(key === null ? [] : [keyEntryKey(key)]),
    ...(consumer === null ? [] : [consumerEntryKey(consumer)]),
  ];
}
