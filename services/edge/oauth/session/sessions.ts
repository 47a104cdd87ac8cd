import { hash } from 'node:crypto';
import { SluiceError } from '@sluice/errors';
import type { Bus } from '@sluice/nats';
import { grants, type Grants } from '@sluice/policy';
import { LRUCache } from 'lru-cache';
import type { Caller } from '../../caller.ts';
import type { CredentialMethod, Credentials, Ending } from '../../credentials/authenticator.ts';
import { badToken, cannotCheck } from '../../credentials/bearer.ts';
import { claimedCaller } from '../../credentials/claims.ts';
import type { DocumentSource } from '../../credentials/method-context.ts';
import { Complaints } from '../complaints.ts';
import type { ConfiguredLogin } from './login.ts';
import type { Logins } from './logins.ts';
import { Renewal, SessionOver } from './renewal.ts';
import { fromOwnPage } from './same-origin.ts';
import { SessionStore, type KnownSession } from './session-store.ts';
import { renewalTime, unsealState, type SessionState } from './stored-session.ts';
import { openTicket, type Ticket } from './ticket.ts';

export interface SessionsOptions {
  readonly bus: Bus;
  readonly replicas: number;
  readonly document: DocumentSource;
  readonly logins: Logins;
  /** Sessions kept at hand. */
  readonly most: number;
  readonly report: (detail: string, error?: unknown) => void;
}

/** Not a registered scheme: a 401 has to name one (RFC 9110 section 15.5.2), and a cookie is none. */
const challenge = 'Cookie realm="sluice"';
/** How often the sessions of live connections are looked at. */
const tickMs = 1_000;
/** Cookies that are being opened at one time; more are refused with 503 instead of being queued. */
const mostOpening = 1_000;

/** So long after a login, an edge whose replica of the bucket is behind may not have heard of it. */
const newMs = 5_000;

interface Watcher {
  readonly ticket: Ticket;
  readonly ended: (why: Ending) => void;
  readonly changed: () => void;
}

/** The sessions of browsers, as a method of authentication: the cookie, checked, and refreshed when it is time. */
export class Sessions implements CredentialMethod {
  readonly name = 'session';
  readonly challenge = challenge;
  readonly store: SessionStore;
  readonly #logins: Logins;
  readonly #renewal: Renewal;
  /** Cookies that were opened, by their hash. */
  readonly #opened: LRUCache<string, Ticket>;
  readonly #opening = new Map<string, Promise<Ticket | null>>();
  readonly #tickets = new WeakMap<Caller, Ticket>();
  readonly #watchers = new Set<Watcher>();
  readonly #complaints: Complaints;
  readonly #stopFollowing: () => void;
  #granted: Grants;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SessionsOptions) {
    const { bus, replicas, most, document } = options;
    this.#logins = options.logins;
    this.#complaints = new Complaints(options.report);
    this.store = new SessionStore({ bus, replicas, most, changed: (entry) => this.#changed(entry) });
    this.#renewal = new Renewal(this.store, (...complaint) => this.#complaints.make(...complaint));
    this.#opened = new LRUCache({ max: most });
    this.#granted = grants(document.current);
    this.#stopFollowing = document.onChange((changed) => {
      this.#granted = grants(changed);
      // A cookie's key may have gone.
      this.#opened.clear();
    });
  }

  present({ cookie }: Pick<Credentials, 'cookie'>): boolean {
    return this.#logins.sessionCookie(cookie) !== null;
  }

  verify(credentials: Credentials): Caller | Promise<Caller> {
    const cookie = this.#logins.sessionCookie(credentials.cookie) ?? '';
    const digest = hash('sha256', cookie, 'base64url');
    const ticket = this.#opened.get(digest);
    const known = ticket && this.store.peek(ticket.entry);
    // At once where everything is at hand: no promise for most requests.
    if (ticket && known && known.state !== null) return this.#judge(ticket, known, known.state, credentials);
    return this.#open(digest, cookie).then((found) => this.#look(found, credentials));
  }

  /** The ticket in a `Cookie` field, whether its session still goes on or not. Null for none, or for one that is no good. */
  async ticketOf(field: string | null): Promise<Ticket | null> {
    const cookie = this.#logins.sessionCookie(field);
    return cookie === null ? null : this.#open(hash('sha256', cookie, 'base64url'), cookie);
  }

  /** What a session holds; null when it is over. Rejects with SluiceError `unavailable`. */
  async stateOf(ticket: Ticket): Promise<SessionState | null> {
    const known = await this.#find(ticket);
    return known?.state ?? null;
  }

  /** The newest of a session's callers: refreshing and the document may change roles. */
  current(caller: Caller): Caller | null {
    const ticket = this.#tickets.get(caller);
    const login = ticket && this.#logins.get(ticket.login);
    if (!ticket || !login) return null;
    const known = this.store.peek(ticket.entry);
    // Not at hand says nothing: it made room for another, or is about to be read again.
    if (known === undefined || known.state === null) return caller;
    try {
      return this.#callerOf(ticket, login, known, known.state);
    } catch {
      return null;
    }
  }

  /** Keeps the session of a live connection fresh, and tells when it is over: no request would come to notice. */
  watch(caller: Caller, ended: (why: Ending) => void, changed: () => void): () => void {
    const ticket = this.#tickets.get(caller);
    if (!ticket) return () => {};
    const watcher = { ticket, ended, changed };
    this.#watchers.add(watcher);
    this.#timer ??= setInterval(() => this.#tick(), tickMs).unref();
    return () => this.#unwatch(watcher);
  }

  stop(): void {
    this.#stopFollowing();
    clearInterval(this.#timer);
    this.store.stop();
    this.#logins.stop();
  }

  #open(digest: string, cookie: string): Promise<Ticket | null> {
    const known = this.#opened.get(digest);
    if (known) return Promise.resolve(known);
    const underWay = this.#opening.get(digest);
    if (underWay) return underWay;
    if (this.#opening.size >= mostOpening)
      return Promise.reject(cannotCheck('too many cookies are being opened'));
    const opening = openTicket(cookie, this.#logins)
      .then(
        (ticket) => {
          if (ticket) this.#opened.set(digest, ticket);
          return ticket;
        },
        (error: unknown) => {
          const cause = error instanceof SluiceError ? error.cause : error;
          this.#complaints.make('cookie_key', 'session cookies cannot be opened', cause);
          throw cannotCheck(error);
        },
      )
      .finally(() => this.#opening.delete(digest));
    this.#opening.set(digest, opening);
    return opening;
  }

  async #look(ticket: Ticket | null, credentials: Credentials, renewed = false): Promise<Caller> {
    if (ticket === null) throw badToken('no session cookie of ours', challenge);
    const known = await this.#find(ticket);
    if (known === null || known.state === null) throw badToken('no such session', challenge);
    return this.#judge(ticket, known, known.state, credentials, renewed);
  }

  /** The entry with its state opened; null when the session is over. */
  async #find(ticket: Ticket): Promise<KnownSession | null> {
    let known: KnownSession | null;
    try {
      known = await this.store.find(ticket.entry, Date.now() - ticket.began < newMs);
    } catch (error) {
      throw cannotCheck(error);
    }
    if (known !== null && known.state === null) known.state = await unsealState(known.stored.sealed, ticket);
    return known?.state ? known : null;
  }

  #judge(
    ticket: Ticket,
    known: KnownSession,
    state: SessionState,
    credentials: Credentials,
    renewed = false,
  ): Caller | Promise<Caller> {
    const login = this.#logins.get(ticket.login);
    const now = Date.now();
    if (!login || now >= ticket.end) throw badToken('the session is over', challenge);
    if (!fromOwnPage(credentials, login.origin))
      throw new SluiceError(
        'forbidden',
        'A call with a session cookie has to come from a page of this origin: Origin or Sec-Fetch-Site does not say so.',
      );
    if (now >= renewalTime(state)) {
      const over = state.access !== null && now >= state.access.to;
      if (over && !renewed) return this.#renewed(ticket, login, credentials);
      if (!renewed && !this.#renewal.pausing(ticket.entry))
        this.#renewal.renew(ticket, login).catch(() => {});
    }
    return this.#callerOf(ticket, login, known, state);
  }

  async #renewed(ticket: Ticket, login: ConfiguredLogin, credentials: Credentials): Promise<Caller> {
    try {
      if (this.#renewal.pausing(ticket.entry)) throw new Error('a refresh failed a moment ago');
      await this.#renewal.renew(ticket, login);
    } catch (error) {
      throw error instanceof SessionOver ? badToken(error, challenge) : cannotCheck(error);
    }
    // Tokens that are over as soon as they are given are no reason to ask for the next ones.
    return this.#look(ticket, credentials, true);
  }

  #callerOf(ticket: Ticket, login: ConfiguredLogin, known: KnownSession, state: SessionState): Caller {
    const [settings, granted] = known.terms;
    if (known.caller !== null && settings === login.settings && granted === this.#granted)
      return known.caller;
    let caller: Caller;
    try {
      caller = claimedCaller({
        method: 'session',
        source: login.name,
        rules: login.settings,
        // Revocation is about sessions: by their id, and by when they began, whatever was refreshed since.
        claims: { ...state.claims, jti: ticket.id, iat: Math.floor(known.stored.started / 1_000) },
        granted: this.#granted,
        expiresAt: ticket.end,
      });
    } catch (error) {
      this.#complaints.make(login.name, `login ${login.name} names nobody`, error);
      throw badToken(error, challenge);
    }
    this.#tickets.set(caller, ticket);
    known.caller = caller;
    known.terms = [login.settings, this.#granted];
    return caller;
  }

  #changed(entry: string | null): void {
    this.#renewal.changed(entry);
    for (const watcher of this.#watchers)
      if (entry === null || watcher.ticket.entry === entry) void this.#check(watcher);
  }

  #tick(): void {
    const now = Date.now();
    for (const watcher of this.#watchers) {
      const { entry } = watcher.ticket;
      const state = this.store.peek(entry)?.state;
      if ((!state || now >= renewalTime(state)) && !this.#renewal.pausing(entry)) void this.#check(watcher);
    }
  }

  /** Reads the session again where it is not at hand, refreshes it where it is time. */
  async #check(watcher: Watcher): Promise<void> {
    const { ticket } = watcher;
    const login = this.#logins.get(ticket.login);
    if (!login) return;
    try {
      const known = await this.#find(ticket);
      if (known?.state && Date.now() >= renewalTime(known.state)) await this.#renewal.renew(ticket, login);
      if (!this.#watchers.has(watcher)) return;
      // A refresh brings the claims up to date, whichever edge has made it.
      if (known?.state) return watcher.changed();
    } catch (error) {
      // Not now: looked at again with the next tick.
      if (!(error instanceof SessionOver) || !this.#watchers.has(watcher)) return;
    }
    this.#unwatch(watcher);
    watcher.ended('revoked');
  }

  #unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
