import { SluiceError } from '@sluice/errors';
import type { Caller } from '../../caller.ts';
import type { Authenticator, Credentials, Ending } from '../../credentials/authenticator.ts';
import { bearerToken } from '../../credentials/bearer.ts';

interface Listener {
  readonly ended: (why: Ending) => void;
  readonly changed: (() => void) | undefined;
}

/**
 * The real port with credentials that a test makes up: what they prove, how long the check takes, and when they end is
 * for the test to say. A cookie `session=<token>` is taken from the page `https://app.test` only.
 */
export class TestAuthenticator implements Authenticator {
  readonly #tokens = new Map<string, Caller>();
  readonly #watched = new Map<Caller, Set<Listener>>();
  readonly #now = new Map<Caller, Caller | null>();
  /** Credentials that were asked about. */
  readonly asked: Credentials[] = [];
  /** Checks wait for it; null: they are made at once. */
  gate: Promise<void> | null = null;

  /** Makes a token good. */
  add(
    token: string,
    given: Partial<Omit<Caller, 'identity'>> & { identity?: Partial<Caller['identity']> },
  ): Caller {
    const { identity, ...rest } = given;
    const method = rest.method ?? 'jwt';
    const caller: Caller = {
      method,
      consumer: null,
      key: null,
      source: 'acme',
      tokenId: null,
      issuedAt: null,
      expiresAt: null,
      claims: {},
      ...rest,
      identity: { subject: token, kind: method, roles: [], scopes: [], tenant: null, ...identity },
    };
    this.#tokens.set(token, caller);
    return caller;
  }

  /** Takes it back, from open connections too. */
  end(token: string, why: Ending): void {
    const caller = this.#tokens.get(token) as Caller;
    this.#tokens.delete(token);
    for (const { ended } of this.#watched.get(caller) ?? []) ended(why);
  }

  /** What the caller is from now on; open connections are told. */
  change(from: Caller, to: Caller | null): void {
    this.#now.set(from, to);
    for (const { changed } of this.#watched.get(from) ?? []) changed?.();
  }

  /** Listeners for the end of somebody's credentials. */
  get watchers(): number {
    return [...this.#watched.values()].reduce((sum, set) => sum + set.size, 0);
  }

  identify(credentials: Credentials): Caller | null | Promise<Caller | null> {
    this.asked.push(credentials);
    return this.gate ? this.gate.then(() => this.#check(credentials)) : this.#check(credentials);
  }

  current(caller: Caller): Caller | null {
    const now = this.#now.get(caller);
    return now === undefined ? caller : now;
  }

  watch(caller: Caller, ended: Listener['ended'], changed?: () => void): () => void {
    const watchers = this.#watched.get(caller) ?? new Set();
    const listener = { ended, changed };
    this.#watched.set(caller, watchers.add(listener));
    return () => watchers.delete(listener);
  }

  challenge(): string {
    return 'Bearer realm="test"';
  }

  #check(credentials: Credentials): Caller | null {
    const token = bearerToken(credentials) ?? credentials.apiKey;
    if (token !== null) return this.#known(token);
    const session = /(?:^|; )session=([^;]+)/.exec(credentials.cookie ?? '')?.[1];
    if (session === undefined) return null;
    if (credentials.method !== 'GET' && credentials.origin !== 'https://app.test')
      throw new SluiceError('forbidden', 'Another site sent this.');
    return this.#known(session);
  }

  #known(token: string): Caller {
    const caller = this.#tokens.get(token);
    if (!caller) throw new SluiceError('unauthorized', 'The credentials are not valid.');
    return caller;
  }
}
