import { LRUCache } from 'lru-cache';
import type { ConfiguredLogin } from './login.ts';
import { ProviderError } from './provider-error.ts';
import type { KnownSession, SessionStore } from './session-store.ts';
import { renewalTime, sealState, stateOf, unsealState, type SessionState } from './stored-session.ts';
import type { Ticket } from './ticket.ts';

/** The session is over: the provider says so, or somebody has ended it. */
export class SessionOver extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, { cause });
    this.name = 'SessionOver';
  }
}

/** How long an edge that has said that it refreshes is waited for: longer than the provider may take. */
const claimMs = 15_000;
/** How long a request waits at most for tokens that somebody refreshes. */
const patienceMs = 10_000;
const lookMs = 250;
const slowMs = 50;
/** After a refresh that failed, the next try comes no sooner. */
const pauseMs = 2_000;
const writeAttempts = 5;

/**
 * Refreshes the tokens of sessions. Providers that rotate refresh tokens take each of them once, and read a second use as
 * theft: they end the login. So whoever wants to refresh says so first, in the session's entry and by compare-and-swap;
 * one edge wins, the others wait and take what it has got. On one edge, all requests of a session share one refresh.
 */
export class Renewal {
  readonly #store: SessionStore;
  readonly #complain: (about: string, detail: string, error: unknown) => void;
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Monotonic times before which a session is not tried again. */
  readonly #pauses = new LRUCache<string, number>({ max: 10_000 });

  constructor(store: SessionStore, complain: (about: string, detail: string, error: unknown) => void) {
    this.#store = store;
    this.#complain = complain;
  }

  /** Whether a refresh failed a moment ago. */
  pausing(entry: string): boolean {
    const until = this.#pauses.get(entry);
    return until !== undefined && performance.now() < until;
  }

  /** Resolves when the entry has fresh tokens. Rejects with {@link SessionOver}, or another error where it failed for now. */
  renew(ticket: Ticket, login: ConfiguredLogin): Promise<void> {
    const { entry } = ticket;
    const underWay = this.#underWay.get(entry);
    if (underWay) return underWay;
    const renewing = this.#renew(ticket, login)
      .catch((error: unknown) => {
        if (!(error instanceof SessionOver)) {
          this.#pauses.set(entry, performance.now() + pauseMs * (0.5 + Math.random()));
          this.#complain(login.name, `login ${login.name}: a session could not be refreshed`, error);
        }
        throw error;
      })
      .finally(() => this.#underWay.delete(entry));
    this.#underWay.set(entry, renewing);
    return renewing;
  }

  /** To be called when an entry has changed. */
  changed(entry: string | null): void {
    const told = entry === null ? [...this.#waiting.values()] : [this.#waiting.get(entry)];
    for (const waiting of told) for (const wake of waiting ?? []) wake();
  }

  async #renew(ticket: Ticket, login: ConfiguredLogin): Promise<void> {
    const { entry, end } = ticket;
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      const known = await this.#store.read(entry);
      const state = known && (await unsealState(known.stored.sealed, ticket));
      if (known === null || state === null) throw new SessionOver('the session has been ended');
      if (Date.now() < renewalTime(state)) return;
      if (state.refreshToken === null) throw new SessionOver('the session cannot be refreshed');
      if (Date.now() < known.stored.renewing) {
        await this.#change(entry, Math.min(lookMs, known.stored.renewing - Date.now()));
        continue;
      }
      const mark = { ...known.stored, renewing: Date.now() + claimMs };
      const claimed = await this.#store.replace(entry, mark, known.revision, end);
      if (claimed !== null) return this.#refresh(ticket, login, claimed, state);
      // Somebody else was faster, or a replica of the bucket is behind.
      await this.#change(entry, slowMs);
    }
    throw new Error('another edge refreshes this session and takes too long');
  }

  /** With the claim held: one call to the provider, and its result into the entry. */
  async #refresh(
    ticket: Ticket,
    login: ConfiguredLogin,
    claimed: KnownSession,
    state: SessionState,
  ): Promise<void> {
    let next: SessionState;
    try {
      next = stateOf(await login.provider.refresh(state.refreshToken as string, state), state);
    } catch (error) {
      if (error instanceof ProviderError && isFinal(error)) {
        const now = await this.#store.read(ticket.entry);
        // Past its time the claim may have gone to another edge: its tokens count.
        if (now !== null && now.stored.sealed !== claimed.stored.sealed) return;
        await this.#store.end(ticket.entry);
        throw new SessionOver('the provider does not refresh the session', error);
      }
      const free = { ...claimed.stored, renewing: 0 };
      await this.#store.replace(ticket.entry, free, claimed.revision, ticket.end).catch(() => {});
      throw error;
    }
    await this.#keep(ticket, login, claimed, next);
  }

  /** The old refresh token is spent: the new one has to reach the entry. */
  async #keep(
    ticket: Ticket,
    login: ConfiguredLogin,
    claimed: KnownSession,
    state: SessionState,
  ): Promise<void> {
    const { entry, end } = ticket;
    const sealed = await sealState(state, ticket);
    const session = { ...claimed.stored, subject: state.subject, renewing: 0, sealed };
    for (let attempt = 1; ; attempt++) {
      try {
        if ((await this.#store.replace(entry, session, claimed.revision, end)) !== null) return;
        const now = await this.#store.read(entry);
        // An earlier attempt has arrived after all, or the claim has gone to another edge past its time.
        if (now !== null) return;
        // Logged out meanwhile: what was just given out is taken back.
        login.provider.revoke(state.refreshToken ?? '').catch(() => {});
        throw new SessionOver('the session has been ended');
      } catch (error) {
        if (error instanceof SessionOver || attempt === writeAttempts) throw error;
        await new Promise((resolve) => setTimeout(resolve, lookMs * attempt));
      }
    }
  }

  /** Resolves when the entry has changed, or after a while. */
  #change(entry: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(entry) ?? new Set();
      this.#waiting.set(entry, waiting);
      const wake = (): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(entry);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(ms, 1));
      waiting.add(wake);
    });
  }
}

/** `invalid_grant`: used, expired or taken back (RFC 6749 section 5.2). Other codes are about us, not about the user. */
function isFinal(error: ProviderError): boolean {
  return error.code === 'invalid_grant' || (error.kind === 'invalid' && error.code === 'other_subject');
}
