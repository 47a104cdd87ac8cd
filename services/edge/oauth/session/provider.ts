import type { Login } from '@sluice/policy';
import * as openid from 'openid-client';
import { claimAt, type Claims } from '../../credentials/claims.ts';
import { boundedFetch } from '../bounded-fetch.ts';
import { Gate, GateClosed } from '../gate.ts';
import { Secret } from '../secret.ts';

/** What a login or a refresh has brought. Access tokens are not part of it: nobody behind the gateway is given one. */
export interface Tokens {
  /** Of the ID token, completed from the userinfo endpoint where the login's own claims are missing in it. */
  readonly claims: Claims;
  readonly subject: string;
  /** For the provider's logout page; null where a refresh brought none. */
  readonly idToken: string | null;
  readonly refreshToken: string | null;
  /** When the access token ends, milliseconds since the epoch; null: the provider does not say. */
  readonly accessEnd: number | null;
}

/**
 * Why the provider gave nothing. `away`: try later. `refused`: it sent the user back with an error. `invalid`: it does not
 * take what it was given, or what it gave cannot be believed.
 */
export class ProviderError extends Error {
  readonly kind: 'away' | 'refused' | 'invalid';
  /** Error code of RFC 6749 (`invalid_grant`, `access_denied`) where there is one; `other_subject` is our own. */
  readonly code: string | null;

  constructor(kind: ProviderError['kind'], code: string | null, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ProviderError';
    this.kind = kind;
    this.code = code;
  }
}

export interface CodeChecks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

const timeoutS = 5;
const answerLimit = 256 * 1024;
/** Calls to one provider at a time. */
const mostCalls = 64;
/** How long the provider's addresses are believed. */
const metadataMs = 3_600_000;

/** Claims that tell of the ID token itself, not of who it is about. */
const ofTheToken = new Set(['nonce', 'at_hash', 'c_hash', 's_hash', 'azp', 'exp', 'nbf', 'jti', 'sid']);

interface Configured {
  /**
   * Also checks the signature of ID tokens, beyond what the code flow asks for over TLS (OIDC Core section 3.1.3.7). Not
   * for refreshing: a key set that cannot be read at that moment would cost a refresh token that is spent already.
   */
  readonly checked: openid.Configuration;
  readonly plain: openid.Configuration;
  readonly at: number;
}

/** One OpenID provider, as the client that the document makes us. */
export class Provider {
  readonly #settings: Login;
  readonly #secret: Secret | null;
  readonly #gate = new Gate(mostCalls);
  #found: Configured | null = null;
  #finding: Promise<Configured> | null = null;

  constructor(settings: Login) {
    this.#settings = settings;
    this.#secret = settings.client_secret === undefined ? null : new Secret(settings.client_secret);
  }

  /** Where the browser is sent to log in. Rejects with {@link ProviderError}. */
  async authorizationUrl(redirectUri: string, { state, nonce, verifier }: CodeChecks): Promise<string> {
    const { plain: config } = await this.#configured();
    const scope = this.#settings.scopes;
    return openid.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: scope.join(' '),
      state,
      nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      // OpenID Connect Core section 11: without it the request for a refresh token may be ignored.
      ...(scope.includes('offline_access') ? { prompt: 'consent' } : {}),
      ...this.#settings.parameters,
    }).href;
  }

  /** Trades the code of a callback for tokens; checks state, nonce, issuer, audience, times and signature. */
  async exchange(callback: URL, { state, nonce, verifier }: CodeChecks): Promise<Tokens> {
    const { checked: config } = await this.#configured();
    return this.#call(async () => {
      const answer = await openid.authorizationCodeGrant(config, callback, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
      return this.#tokens(config, answer, null);
    });
  }

  /** `before` is what the session knows: a refreshed ID token has to be about the same subject (OIDC Core section 12.2). */
  async refresh(refreshToken: string, before: Pick<Tokens, 'claims' | 'subject'>): Promise<Tokens> {
    const { plain: config } = await this.#configured();
    return this.#call(async () => {
      const answer = await openid.refreshTokenGrant(config, refreshToken);
      return this.#tokens(config, answer, before);
    });
  }

  /** Takes a refresh token back (RFC 7009), where the provider has that. */
  async revoke(refreshToken: string): Promise<void> {
    const { plain: config } = await this.#configured();
    if (config.serverMetadata().revocation_endpoint === undefined) return;
    await this.#call(() =>
      openid.tokenRevocation(config, refreshToken, { token_type_hint: 'refresh_token' }),
    );
  }

  /** Address of the provider's own logout (RP-initiated logout); null where it has none. */
  async logoutUrl(idToken: string | null, afterwards: string): Promise<string | null> {
    const { plain: config } = await this.#configured();
    if (config.serverMetadata().end_session_endpoint === undefined) return null;
    return openid.buildEndSessionUrl(config, {
      post_logout_redirect_uri: afterwards,
      ...(idToken === null ? {} : { id_token_hint: idToken }),
    }).href;
  }

  async #tokens(
    config: openid.Configuration,
    answer: openid.TokenEndpointResponse & openid.TokenEndpointResponseHelpers,
    before: Pick<Tokens, 'claims' | 'subject'> | null,
  ): Promise<Tokens> {
    const identity = answer.claims();
    const subject = identity?.sub ?? before?.subject;
    if (subject === undefined) throw new ProviderError('invalid', null, 'the answer holds no ID token');
    if (before !== null && subject !== before.subject)
      throw new ProviderError('invalid', 'other_subject', 'the refreshed ID token is about somebody else');
    const own =
      identity === undefined ? (before as Pick<Tokens, 'claims'>).claims : withoutTokenClaims(identity);
    const scope = answer.scope ?? claimAt(before?.claims ?? {}, 'scope') ?? this.#settings.scopes.join(' ');
    let claims: Claims = Object.hasOwn(own, 'scope') && identity ? own : { ...own, scope };
    if (identity !== undefined && this.#lacks(claims)) {
      try {
        const more = await openid.fetchUserInfo(config, answer.access_token, subject);
        claims = { ...more, ...claims };
      } catch (error) {
        // After a refresh the old refresh token is spent: losing the new one would log the user out.
        if (before === null) throw error;
        claims = { ...before.claims, ...claims };
      }
    }
    const lifetime = answer.expires_in;
    return {
      claims,
      subject,
      idToken: answer.id_token ?? null,
      refreshToken: answer.refresh_token ?? null,
      accessEnd: lifetime === undefined ? null : Date.now() + lifetime * 1_000,
    };
  }

  /** Whether a claim that the document names is not there. */
  #lacks(claims: Claims): boolean {
    const { subject_claim, roles_claim, scopes_claim, tenant_claim, consumer_claim } = this.#settings;
    return [subject_claim, roles_claim, scopes_claim, tenant_claim, consumer_claim].some(
      (path) => path !== undefined && claimAt(claims, path) === undefined,
    );
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#gate.pass(
        () => call().catch((error: unknown) => Promise.reject(providerError(error))),
        (error) => error instanceof ProviderError && error.kind === 'away',
      );
    } catch (error) {
      if (error instanceof GateClosed) throw new ProviderError('away', null, error.message);
      // The secret may have been rotated: the next call reads it again.
      if (error instanceof ProviderError && error.code === 'invalid_client') this.#found = null;
      throw error;
    }
  }

  /** The provider's addresses and keys, read when they are first needed; old ones stay while it is away. */
  async #configured(): Promise<Configured> {
    const found = this.#found;
    if (found !== null && performance.now() - found.at < metadataMs) return found;
    this.#finding ??= this.#discover().finally(() => (this.#finding = null));
    if (found === null) return this.#finding;
    this.#finding.catch(() => {});
    return found;
  }

  async #discover(): Promise<Configured> {
    const [checked, plain] = await this.#call(async () => {
      const authentication = await this.#authentication();
      return Promise.all([this.#discovered(authentication), this.#discovered(authentication)]);
    });
    openid.enableNonRepudiationChecks(checked);
    return (this.#found = { checked, plain, at: performance.now() });
  }

  #discovered(authentication: openid.ClientAuth): Promise<openid.Configuration> {
    const { issuer, client_id } = this.#settings;
    return openid.discovery(new URL(issuer), client_id, {}, authentication, {
      timeout: timeoutS,
      [openid.customFetch]: boundedFetch(answerLimit) as openid.CustomFetch,
      // The document takes http:// for loopback addresses only.
      execute: issuer.startsWith('http:') ? [openid.allowInsecureRequests] : [],
    });
  }

  async #authentication(): Promise<openid.ClientAuth> {
    if (this.#secret === null) return openid.None();
    try {
      return clientAuthentication(await this.#secret.read());
    } catch (error) {
      throw new ProviderError('away', null, 'the client secret cannot be read', error);
    }
  }
}

/** Basic where the provider takes it, which is the default of OpenID Connect. */
function clientAuthentication(secret: string): openid.ClientAuth {
  const basic = openid.ClientSecretBasic(secret);
  const post = openid.ClientSecretPost(secret);
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const use = methods.includes('client_secret_basic') ? basic : post;
    use(server, client, body, headers);
  };
}

function withoutTokenClaims(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !ofTheToken.has(name)));
}

const codeText = /^[a-z_]{1,64}$/;

function providerError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof openid.AuthorizationResponseError || error instanceof openid.ResponseBodyError) {
    const code = codeText.test(error.error) ? error.error : null;
    const away = error instanceof openid.ResponseBodyError && error.status >= 500;
    const kind = error instanceof openid.AuthorizationResponseError ? 'refused' : 'invalid';
    return new ProviderError(
      away || code === 'temporarily_unavailable' || code === 'server_error' ? 'away' : kind,
      code ?? 'unnamed',
      `the provider answered ${code ?? 'an error without a name'}`,
      error,
    );
  }
  if (isAway(error)) return new ProviderError('away', null, 'the provider did not answer', error);
  return new ProviderError('invalid', null, 'the answer of the provider cannot be believed', error);
}

/** No connection, no answer in time, an answer of its proxy (5xx, 429) or none at all. */
function isAway(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code, status } = at as { code?: unknown; status?: unknown };
    if (code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT' || at.name === 'TimeoutError') return true;
    if (at instanceof TypeError && at.message === 'fetch failed') return true;
    if (typeof code === 'string' && /^(?:E[A-Z]+|EAI_[A-Z]+|UND_ERR_.*)$/.test(code)) return true;
    if (typeof status === 'number' && (status >= 500 || status === 429)) return true;
    if (at.cause instanceof Response && (at.cause.status >= 500 || at.cause.status === 429)) return true;
  }
  return false;
}
