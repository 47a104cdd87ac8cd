import { SluiceError } from '@sluice/errors';
import type { Bus } from '@sluice/nats';
import { grants, type Grants } from '@sluice/policy';
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
import { TicketCache } from './ticket-cache.ts';
import type { Ticket } from './ticket.ts';
import { WatchedSessions } from './watched-sessions.ts';

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
/** So long after a login, an edge whose replica of the bucket is behind may not have heard of it. */
const newMs = 5_000;

/** The sessions of browsers, as a method of authentication: the cookie, checked, and refreshed when it is time. */
export class Sessions implements CredentialMethod {
  readonly name = 'session';
  readonly challenge = challenge;
  readonly store: SessionStore;
  readonly #logins: Logins;
  readonly #renewal: Renewal;
  readonly #opened: TicketCache;
  readonly #tickets = new WeakMap<Caller, Ticket>();
  readonly #watched: WatchedSessions;
  readonly #complaints: Complaints;
  readonly #stopFollowing: () => void;
  #granted: Grants;

  constructor(options: SessionsOptions) {
    const { bus, replicas, most, document, logins } = options;
    this.#logins = logins;
    this.#complaints = new Complaints(options.report);
    this.store = new SessionStore({ bus, replicas, most, changed: (entry) => this.#changed(entry) });
    const complain: Complaints['make'] = (...complaint) => this.#complaints.make(...complaint);
    this.#renewal = new Renewal(this.store, complain);
    this.#opened = new TicketCache({ logins, most, complain });
    this.#watched = new WatchedSessions({
      logins,
      store: this.store,
      renewal: this.#renewal,
      find: (ticket) => this.#find(ticket),
    });
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
    const ticket = this.#opened.open(cookie);
    if (ticket instanceof Promise) return ticket.then((found) => this.#look(found, credentials));
    const known = this.store.peek(ticket.entry);
    // At once where everything is at hand: no promise for most requests.
    if (known && known.state !== null) return this.#judge(ticket, known, known.state, credentials);
    return this.#look(ticket, credentials);
  }

  /** The ticket in a `Cookie` field, whether its session still goes on or not. Null for none, or for one that is no good. */
  async ticketOf(field: string | null): Promise<Ticket | null> {
    const cookie = this.#logins.sessionCookie(field);
    return cookie === null ? null : this.#opened.open(cookie);
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
    return ticket ? this.#watched.add(ticket, ended, changed) : () => {};
  }

  stop(): void {
    this.#stopFollowing();
    this.#watched.stop();
    this.store.stop();
    this.#logins.stop();
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
    this.#watched.changed(entry);
  }
}
