import { isDeepStrictEqual } from 'node:util';
import { grants, type GatewayDocument, type Grants, type Introspection } from '@sluice/policy';
import type { Caller } from '../../caller.ts';
import type { CredentialMethod, Credentials, Ending } from '../../credentials/authenticator.ts';
import { badToken, bearerChallenge, bearerToken, cannotCheck } from '../../credentials/bearer.ts';
import { claimedCaller, claimedTime, type Claims } from '../../credentials/claims.ts';
import { isApiKey } from '../../credentials/fields.ts';
import { isTokenShaped } from '../../credentials/jwt/token-parts.ts';
import type { MethodContext } from '../../credentials/method-context.ts';
import { Complaints } from '../complaints.ts';
import { Answers, type Answer } from './answers.ts';
import { IntrospectionEndpoint, NoAnswer } from './endpoint.ts';

/** RFC 6750 section 2.1. */
const tokenText = /^[A-Za-z0-9\-._~+/]+=*$/;
const longestToken = 4_096;
/** A refusal is believed for a third of the time that an answer is, and no longer than this. */
const longestRefusalMs = 10_000;
/** Live connections ask again this often at most. */
const leastWatchMs = 1_000;
/** Of an answer's objects, beside the text they were made of. */
const answerOverhead = 1_024;

/** API keys and JSON Web Tokens have methods of their own; everything else after `Bearer` is opaque. */
function isOpaque(token: string): boolean {
  return !isApiKey(token) && !isTokenShaped(token);
}

/**
 * Opaque OAuth 2.0 tokens, those of users and those of clients (client credentials), by asking who issued them
 * (RFC 7662). Several endpoints are asked in the document's order until one knows the token. Equal questions at one time
 * are one; an endpoint that does not answer makes tokens that nobody else knows 503, never 401.
 */
export class IntrospectionMethod implements CredentialMethod {
  readonly name = 'oauth';
  readonly challenge = bearerChallenge;
  readonly #complaints: Complaints;
  readonly #answers: Answers;
  readonly #asking = new Map<string, Promise<Caller | null>>();
  readonly #stopFollowing: () => void;
  /** What a live connection asks again with. No longer than the caller itself is kept. */
  readonly #tokens = new WeakMap<Caller, string>();
  /** Callers as the present document has them. */
  #mapped = new WeakMap<Caller, { readonly caller: Caller | null }>();
  #endpoints: readonly IntrospectionEndpoint[] = [];
  #granted: Grants;

  constructor(context: Pick<MethodContext, 'document' | 'settings' | 'report'>) {
    const { document, settings } = context;
    this.#complaints = new Complaints(context.report);
    this.#answers = new Answers(settings.tokenCache, settings.tokenCacheBytes);
    this.#granted = grants(document.current);
    this.#configure(document.current);
    this.#stopFollowing = document.onChange((changed) => this.#configure(changed));
  }

  present(credentials: Credentials): boolean {
    const token = bearerToken(credentials);
    return token !== null && isOpaque(token);
  }

  verify(credentials: Credentials): Caller | Promise<Caller> {
    const token = bearerToken(credentials) ?? '';
    if (token.length > longestToken || !tokenText.test(token)) throw badToken();
    const key = Answers.key(token);
    const known = this.#known(key);
    if (known === 'refused') throw badToken();
    if (known === undefined)
      return this.#asked(key, token).then((caller) => {
        if (caller === null) throw badToken();
        return caller;
      });
    if (Date.now() >= known.renewAt) this.#asked(key, token).catch(() => {});
    return known.caller;
  }

  /** The same claims under the document as it is now. */
  current(caller: Caller): Caller | null {
    const known = this.#mapped.get(caller);
    if (known) return known.caller;
    const endpoint = this.#endpoints.find(({ name }) => name === caller.source);
    const now = endpoint === undefined ? null : this.#callerOf(endpoint, caller.claims);
    this.#mapped.set(caller, { caller: now });
    if (now === null) return null;
    this.#mapped.set(now, { caller: now });
    this.#tokens.set(now, this.#tokens.get(caller) ?? '');
    return now;
  }

  /**
   * Asks again for as long as the token is in use on a live connection: that is how its being taken back is noticed, and
   * what the endpoint says otherwise about it by now.
   */
  watch(caller: Caller, ended: (why: Ending) => void, changed: () => void): () => void {
    const token = this.#tokens.get(caller);
    if (!token) return () => {};
    const key = Answers.key(token);
    let timer: NodeJS.Timeout;
    let stopped = false;
    const look = async (): Promise<void> => {
      // What cannot be checked now stays good until its own time, as for requests.
      const known = this.#known(key) ?? (await this.#asked(key, token).catch(() => undefined));
      if (stopped) return;
      if (known === null || known === 'refused') return ended('revoked');
      next();
      const now = known !== undefined && 'endpoint' in known ? known.caller : known;
      if (now === undefined || isDeepStrictEqual(now, this.current(caller))) return;
      this.#mapped.set(caller, { caller: now });
      changed();
    };
    // Nobody waits for it: what is not caught here would end the process.
    const failed = (error: unknown): void =>
      this.#complaints.make(
        `${caller.source} watched`,
        `a token of ${caller.source} on a live connection could not be looked at`,
        error,
      );
    const next = (): void => {
      const endpoint = this.#endpoints.find(({ name }) => name === caller.source);
      const inMs = Math.max(endpoint?.settings.cache ?? 0, leastWatchMs);
      timer = setTimeout(() => void look().catch(failed), inMs).unref();
    };
    next();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }

  stop(): void {
    this.#stopFollowing();
    this.#answers.clear();
  }

  /** Tokens at hand, and questions under way. */
  get sizes(): { good: number; refused: number; asking: number } {
    return { ...this.#answers.sizes, asking: this.#asking.size };
  }

  #configure(document: GatewayDocument): void {
    this.#granted = grants(document);
    this.#mapped = new WeakMap();
    const before = new Map(this.#endpoints.map((endpoint) => [endpoint.name, endpoint]));
    this.#endpoints = Object.entries(document.introspection).map(([name, settings]) => {
      const known = before.get(name);
      return known && same(known.settings, settings) ? known : new IntrospectionEndpoint(name, settings);
    });
    this.#answers.clearRefused();
  }

  /** An answer that still counts: by its time, and because the document still has who gave it. */
  #known(key: string): Answer | 'refused' | undefined {
    const known = this.#answers.get(key);
    if (known === undefined || known === 'refused') return known;
    const caller = this.#endpoints.includes(known.endpoint) ? this.current(known.caller) : null;
    if (caller === null) {
      this.#answers.forget(key);
      return undefined;
    }
    if (caller === known.caller) return known;
    const answer = { ...known, caller };
    this.#answers.accept(key, answer);
    return answer;
  }

  #asked(key: string, token: string): Promise<Caller | null> {
    const underWay = this.#asking.get(key);
    if (underWay) return underWay;
    const asking = this.#ask(key, token).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  async #ask(key: string, token: string): Promise<Caller | null> {
    let silent: NoAnswer | null = null;
    let refusalMs = longestRefusalMs;
    const endpoints = this.#endpoints;
    for (const endpoint of endpoints) {
      try {
        const answer = await endpoint.ask(token);
        const caller = answer === null ? null : this.#callerOf(endpoint, answer.claims);
        if (answer !== null && caller !== null) {
          this.#tokens.set(caller, token);
          const size = answerOverhead + 2 * (answer.length + token.length);
          // A document that came meanwhile may have other rules: its own question will tell.
          if (endpoints === this.#endpoints) this.#accept(key, { endpoint, caller, size });
          return caller;
        }
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        this.#complaints.make(endpoint.name, error.message, error.cause);
        silent = error;
      }
      refusalMs = Math.min(refusalMs, endpoint.settings.cache / 3);
    }
    if (silent !== null) throw cannotCheck(silent);
    if (endpoints === this.#endpoints) this.#answers.refuse(key, Date.now() + refusalMs);
    return null;
  }

  #accept(key: string, answer: Pick<Answer, 'endpoint' | 'caller' | 'size'>): void {
    const { cache } = answer.endpoint.settings;
    const now = Date.now();
    const until = Math.min(now + cache, answer.caller.expiresAt ?? Number.POSITIVE_INFINITY);
    this.#mapped.set(answer.caller, { caller: answer.caller });
    // Asked again in the last fifth of its time, so that a token in steady use never waits for the endpoint.
    this.#answers.accept(key, { ...answer, until, renewAt: now + cache * 0.8 });
  }

  #callerOf(endpoint: IntrospectionEndpoint, answer: Claims): Caller | null {
    const { name, settings } = endpoint;
    const claims = withSubject(answer, settings);
    try {
      return claimedCaller({
        method: 'oauth',
        source: name,
        rules: settings,
        claims,
        granted: this.#granted,
        expiresAt: claimedTime(claims, 'exp') ?? null,
      });
    } catch (error) {
      this.#complaints.make(name, `introspection ${name} names nobody for an active token`, error);
      return null;
    }
  }
}

/** A token of client credentials has no user: the client itself is the subject then (RFC 9068 section 2.2). */
function withSubject(answer: Claims, { subject_claim: claim }: Introspection): Claims {
  if (claim !== 'sub' || answer['sub'] !== undefined || answer['client_id'] === undefined) return answer;
  return { ...answer, sub: answer['client_id'] };
}

function same(a: Introspection, b: Introspection): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
