import type { Ending } from '../../credentials/authenticator.ts';
import type { Logins } from './logins.ts';
import { SessionOver, type Renewal } from './renewal.ts';
import type { KnownSession, SessionStore } from './session-store.ts';
import { renewalTime } from './stored-session.ts';
import type { Ticket } from './ticket.ts';

export interface WatchedSessionsOptions {
  readonly logins: Pick<Logins, 'get'>;
  readonly store: Pick<SessionStore, 'peek'>;
  readonly renewal: Pick<Renewal, 'pausing' | 'renew'>;
  /** The session with its state opened, read where it is not at hand; null when it is over. */
  readonly find: (ticket: Ticket) => Promise<KnownSession | null>;
}

/** How often the sessions of live connections are looked at. */
const tickMs = 1_000;

interface Watcher {
  readonly ticket: Ticket;
  readonly ended: (why: Ending) => void;
  readonly changed: () => void;
}

/**
 * The sessions of live connections: kept fresh, and looked at again when their entry changes, because no request would
 * come to notice that one is over. One shared timer for all of them (DESIGN.md, speed rule 7).
 */
export class WatchedSessions {
  readonly #options: WatchedSessionsOptions;
  readonly #watchers = new Set<Watcher>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchedSessionsOptions) {
    this.#options = options;
  }

  /**
   * Calls `ended` once when the session is over, and `changed` whenever its tokens or its entry may be others until then.
   * Gives what takes it back.
   */
  add(ticket: Ticket, ended: (why: Ending) => void, changed: () => void): () => void {
    const watcher = { ticket, ended, changed };
    this.#watchers.add(watcher);
    this.#timer ??= setInterval(() => this.#tick(), tickMs).unref();
    return () => this.#remove(watcher);
  }

  /** To be called when an entry has changed, or is gone; null: any of them may have. */
  changed(entry: string | null): void {
    for (const watcher of this.#watchers)
      if (entry === null || watcher.ticket.entry === entry) void this.#check(watcher);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { store, renewal } = this.#options;
    const now = Date.now();
    for (const watcher of this.#watchers) {
      const { entry } = watcher.ticket;
      const state = store.peek(entry)?.state;
      if ((!state || now >= renewalTime(state)) && !renewal.pausing(entry)) void this.#check(watcher);
    }
  }

  /** Reads the session again where it is not at hand, refreshes it where it is time. */
  async #check(watcher: Watcher): Promise<void> {
    const { logins, renewal, find } = this.#options;
    const { ticket } = watcher;
    const login = logins.get(ticket.login);
    if (!login) return;
    try {
      const known = await find(ticket);
      if (known?.state && Date.now() >= renewalTime(known.state)) await renewal.renew(ticket, login);
      if (!this.#watchers.has(watcher)) return;
      // A refresh brings the claims up to date, whichever edge has made it.
      if (known?.state) return watcher.changed();
    } catch (error) {
      // Not now: looked at again with the next tick.
      if (!(error instanceof SessionOver) || !this.#watchers.has(watcher)) return;
    }
    this.#remove(watcher);
    watcher.ended('revoked');
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
