import type { AuthMethod } from '@sluice/policy';
import type { Caller } from '../caller.ts';

/** What a client sent that may prove who it is. Null where it sent nothing of the kind. An {@link Exchange} is one. */
export interface Credentials {
  /** The `Authorization` field. Requests with two of them do not come this far. */
  readonly authorization: string | null;
  /** The `X-API-Key` field; likewise. */
  readonly apiKey: string | null;
  /** The `Cookie` field, repeated ones joined by `; ` (RFC 9113 section 8.2.3). */
  readonly cookie: string | null;
  /** The token of the configured query parameter of a live connection. */
  readonly queryToken: string | null;
  /** Method, `Origin` and `Sec-Fetch-Site`: a cookie proves little where another site can make a browser send it. */
  readonly method: string;
  readonly origin: string | null;
  readonly secFetchSite: string | null;
}

/** Why a caller stops being good: its time is over, or somebody took it back. */
export type Ending = 'expired' | 'revoked';

/** Tells who calls. What HTTP requests and live connections ask; it knows every method of the document. */
export interface Authenticator {
  /**
   * The caller of the first of `methods` whose credential was sent; null when none of them was. Throws, or rejects with,
   * SluiceError `unauthorized` (with `www-authenticate`) for a bad one: a bad credential never falls through to the next
   * method or to nobody. `unavailable` when it cannot be checked now. At once, without a promise, for what is cached.
   */
  identify(credentials: Credentials, methods: readonly string[]): Caller | null | Promise<Caller | null>;
  /** The caller as the document and its consumer have it now: roles change. Null when it is no longer good. */
  current(caller: Caller): Caller | null;
  /**
   * Calls `ended` once when the caller stops being good, and `changed` whenever `current` gives a different one until
   * then, within a second of the change. Gives what takes it back.
   */
  watch(caller: Caller, ended: (why: Ending) => void, changed?: () => void): () => void;
  /** Value of `www-authenticate` for a 401 to somebody who sent none of these methods' credentials. */
  challenge(methods: readonly string[]): string;
}

/** One way to prove who one is. Each is made in its own folder and listed in `methods.ts`. */
export interface CredentialMethod {
  readonly name: AuthMethod;
  /** How the 401 asks for it (RFC 9110 section 11.6.1): a scheme and its parameters. Equal ones are sent once. */
  readonly challenge: string;
  /** Whether a credential of this kind was sent, good or bad. Cheap: it is asked for every request. */
  present(credentials: Credentials): boolean;
  /** Who it proves; throws like {@link Authenticator.identify}. Only called where `present` is true. */
  verify(credentials: Credentials): Caller | Promise<Caller>;
  /** Like {@link Authenticator.current}. Absent: the caller as it is. Time, revocation and consumer are already looked at. */
  current?(caller: Caller): Caller | null;
  /**
   * Endings of this method's own. Those of every caller are seen to elsewhere: its time, revocation of its token or
   * subject, its consumer being disabled, its source leaving the document. `changed`: what `current` gives may be
   * another caller, for a reason that only this method knows.
   */
  watch?(caller: Caller, ended: (why: Ending) => void, changed: () => void): () => void;
  stop?(): void | Promise<void>;
}
