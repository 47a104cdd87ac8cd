import type { Login } from '@sluice/policy';
import * as openid from 'openid-client';
import { claimAt, isShallow, type Claims } from '../../credentials/claims.ts';
import { ProviderError } from './provider-error.ts';

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

/** What a session knows when its tokens are refreshed. */
export type TokensBefore = Pick<Tokens, 'claims' | 'subject'>;

/** What the token endpoint gave, checked by openid-client. */
export type TokenAnswer = openid.TokenEndpointResponse & openid.TokenEndpointResponseHelpers;

/** Claims that tell of the ID token itself, not of who it is about. */
const ofTheToken = new Set(['nonce', 'at_hash', 'c_hash', 's_hash', 'azp', 'exp', 'nbf', 'jti', 'sid']);

/**
 * The tokens of an answer; `before` is null for a login. Asks the userinfo endpoint where the ID token lacks a claim that
 * the document names. Rejects with {@link ProviderError} `invalid` where nobody is named, or somebody else (`other_subject`);
 * at a login also with what openid-client throws when the userinfo endpoint fails.
 */
export async function tokensOf(
  config: openid.Configuration,
  settings: Login,
  answer: TokenAnswer,
  before: TokensBefore | null,
): Promise<Tokens> {
  const identity = answer.claims();
  const subject = identity?.sub ?? before?.subject;
  if (subject === undefined) throw new ProviderError('invalid', null, 'the answer holds no ID token');
  if (before !== null && subject !== before.subject)
    throw new ProviderError('invalid', 'other_subject', 'the refreshed ID token is about somebody else');
  const own = identity === undefined ? (before as TokensBefore).claims : withoutTokenClaims(identity);
  const scope = answer.scope ?? claimAt(before?.claims ?? {}, 'scope') ?? settings.scopes.join(' ');
  let claims: Claims = Object.hasOwn(own, 'scope') && identity ? own : { ...own, scope };
  if (identity !== undefined && lacks(claims, settings)) {
    try {
      const more = await openid.fetchUserInfo(config, answer.access_token, subject);
      claims = { ...more, ...claims };
    } catch (error) {
      // After a refresh the old refresh token is spent: losing the new one would log the user out.
      if (before === null) throw error;
      claims = { ...before.claims, ...claims };
    }
  }
  if (!isShallow(claims))
    throw new ProviderError('invalid', null, 'what it says of the user is nested too deep');
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
function lacks(claims: Claims, settings: Login): boolean {
  const { subject_claim, roles_claim, scopes_claim, tenant_claim, consumer_claim } = settings;
  return [subject_claim, roles_claim, scopes_claim, tenant_claim, consumer_claim].some(
    (path) => path !== undefined && claimAt(claims, path) === undefined,
  );
}

function withoutTokenClaims(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !ofTheToken.has(name)));
}
