import type { Login } from '@sluice/policy';
import * as openid from 'openid-client';
import { boundedFetch } from '../bounded-fetch.ts';
import { Gate, GateClosed } from '../gate.ts';
import { Secret } from '../secret.ts';
import { ProviderError, providerError } from './provider-error.ts';
import { tokensOf, type Tokens, type TokensBefore } from './tokens.ts';

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
      return tokensOf(config, this.#settings, answer, null);
    });
  }

  /** `before` is what the session knows: a refreshed ID token has to be about the same subject (OIDC Core section 12.2). */
  async refresh(refreshToken: string, before: TokensBefore): Promise<Tokens> {
    const { plain: config } = await this.#configured();
    return this.#call(async () => {
      const answer = await openid.refreshTokenGrant(config, refreshToken);
      return tokensOf(config, this.#settings, answer, before);
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
