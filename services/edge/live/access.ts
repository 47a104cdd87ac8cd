import { SluiceError } from '@sluice/errors';
import { authMethods } from '@sluice/policy';
import type { Caller } from '../caller.ts';
import type { Authenticator, Credentials, Ending } from '../credentials/authenticator.ts';
import type { Appointments } from './appointments.ts';
import type { ConnectionCount } from './limits.ts';
import type { LiveRules } from './rules.ts';

/** What the accesses of all connections share. */
export interface AccessContext {
  readonly authenticator: Authenticator;
  readonly rules: () => LiveRules;
  readonly appointments: Appointments;
  /** Connections of each consumer. */
  readonly consumers: ConnectionCount;
  /** How long before the end of a credential its connection is told, milliseconds. */
  readonly warnMs: number;
}

/** The connection that an access belongs to. */
export interface AccessOwner {
  /** The credential ends in so many milliseconds. */
  expiring(inMs: number): void;
  /** The credential counts no more. */
  ended(why: Ending): void;
  /** The caller's roles, scopes or tenant may be others: to be taken over with `refresh`, soon. */
  changed(): void;
}

/** Renewals that may wait for the one before them. */
const longestQueue = 4;

/** Who is behind one live connection: nobody at first, then the caller of a credential, of which there may be newer ones. */
export class Access {
  readonly #context: AccessContext;
  #owner: AccessOwner | undefined;
  #caller: Caller | null = null;
  /** What the connection is counted as. */
  #counted: string | undefined;
  #unwatch: (() => void) | undefined;
  #cancelWarning: (() => void) | undefined;
  #renewing: Promise<void> | undefined;
  #renewals = 0;
  #closed = false;

  constructor(context: AccessContext) {
    this.#context = context;
  }

  get caller(): Caller | null {
    return this.#caller;
  }

  /** Who it is, for the log: as in the records of requests, and never by what credential. */
  get facts(): Record<string, string> {
    if (this.#caller === null) return {};
    const { method, identity, consumer, key } = this.#caller;
    return {
      auth: method,
      subject: identity.subject,
      ...(consumer === null ? {} : { consumer }),
      ...(key === null ? {} : { key }),
    };
  }

  /** Set while credentials are being checked: what came after them waits for it. Never rejects. */
  get renewing(): Promise<void> | undefined {
    return this.#renewing;
  }

  /**
   * Checks what came with the handshake, in one turn where that is possible. Throws (or rejects with) what refuses it:
   * `unauthorized`, `unavailable`, or `too_many_requests` for too many connections of this consumer.
   */
  enter(credentials: Credentials): void | Promise<void> {
    const { authorization, apiKey, cookie, queryToken } = credentials;
    if (authorization === null && apiKey === null && queryToken === null && cookie === null) return undefined;
    const caller = this.#context.authenticator.identify(credentials, authMethods);
    if (caller instanceof Promise) return caller.then((known) => this.#adopt(known));
    return this.#adopt(caller);
  }

  /** The connection is there: from now on it hears of its credential's end. */
  own(owner: AccessOwner): void {
    this.#owner = owner;
    this.#attend();
  }

  /**
   * Takes a token that the client sent as a message; gives the caller. Rejects as `enter` does, and with `forbidden` for
   * somebody else's: what is subscribed and under way is the first one's.
   */
  async renew(token: string): Promise<Caller> {
    if (this.#renewals >= longestQueue)
      throw new SluiceError('too_many_requests', 'Credentials are being checked already.');
    this.#renewals += 1;
    const turn = (this.#renewing ?? Promise.resolve()).then(() => this.#renew(token));
    const settled = turn
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        this.#renewals -= 1;
        if (this.#renewing === settled) this.#renewing = undefined;
      });
    this.#renewing = settled;
    return turn;
  }

  /** Takes over what the document and the consumer say now; false when that changes nothing. */
  refresh(): boolean {
    const before = this.#caller;
    if (before === null || this.#closed) return false;
    const caller = this.#context.authenticator.current(before);
    if (caller === before) return false;
    if (caller === null) this.#owner?.ended(isOver(before) ? 'expired' : 'revoked');
    else this.#replace(caller);
    return caller !== null;
  }

  close(): void {
    this.#closed = true;
    this.#inattend();
    if (this.#counted !== undefined) this.#context.consumers.give(this.#counted);
    this.#counted = undefined;
  }

  async #renew(token: string): Promise<Caller> {
    const caller = await this.#context.authenticator.identify(tokenCredentials(token), authMethods);
    if (caller === null) throw new SluiceError('unauthorized', 'The token is none that this gateway knows.');
    if (this.#caller && !sameSubject(this.#caller, caller))
      throw new SluiceError('forbidden', 'A connection stays with the subject it began with.');
    this.#adopt(caller);
    return caller;
  }

  #adopt(caller: Caller | null): void {
    if (caller === null || this.#closed) return;
    const counted = countedAs(caller);
    if (counted !== this.#counted) {
      const { consumers, rules } = this.#context;
      if (!consumers.take(counted, rules().connectionsPerConsumer))
        throw new SluiceError('too_many_requests', 'This consumer has as many live connections as it may.', {
          retryAfter: 10,
        });
      if (this.#counted !== undefined) consumers.give(this.#counted);
      this.#counted = counted;
    }
    this.#replace(caller);
  }

  #replace(caller: Caller): void {
    this.#caller = caller;
    this.#inattend();
    if (this.#owner) this.#attend();
  }

  #attend(): void {
    const { authenticator, appointments, warnMs } = this.#context;
    const caller = this.#caller;
    const owner = this.#owner;
    if (caller === null || !owner || this.#closed) return;
    const unwatch = authenticator.watch(
      caller,
      (why) => owner.ended(why),
      () => owner.changed(),
    );
    // It may have ended in that very moment.
    if (this.#closed) return unwatch();
    this.#unwatch = unwatch;
    const { expiresAt } = caller;
    if (expiresAt === null) return;
    const left = Math.max(0, expiresAt - Date.now());
    // Where the whole time is short, half of it is left to come back with another one.
    this.#cancelWarning = appointments.add(expiresAt - Math.min(warnMs, left / 2), () =>
      owner.expiring(Math.max(0, expiresAt - Date.now())),
    );
  }

  #inattend(): void {
    this.#unwatch?.();
    this.#cancelWarning?.();
    this.#unwatch = undefined;
    this.#cancelWarning = undefined;
  }
}

function isOver({ expiresAt }: Caller): boolean {
  return expiresAt !== null && expiresAt <= Date.now();
}

/** Subjects are unique for whoever named them only. */
function sameSubject(a: Caller, b: Caller): boolean {
  return a.method === b.method && a.source === b.source && a.identity.subject === b.identity.subject;
}

/** A consumer, or where there is none the subject, which no consumer's id can be mistaken for. */
function countedAs({ consumer, method, source, identity }: Caller): string {
  return consumer ?? `${method} ${source} ${identity.subject}`;
}

function tokenCredentials(token: string): Credentials {
  return {
    authorization: `Bearer ${token}`,
    apiKey: null,
    cookie: null,
    queryToken: null,
    method: 'GET',
    origin: null,
    secFetchSite: null,
  };
}
