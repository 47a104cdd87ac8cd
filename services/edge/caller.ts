import type { AuthMethod } from '@sluice/policy';
import type { Identity } from '@sluice/wire';

/** Who a request or a live connection has proven to come from. The same credential gives the same object while it is cached. */
export interface Caller {
  /** What backends are told. */
  readonly identity: Identity;
  readonly method: AuthMethod;
  /** Id of the consumer whose limits and quotas count; null where the credential names none. */
  readonly consumer: string | null;
  /** Id of the API key; null for other credentials. */
  readonly key: string | null;
  /** Name of the issuer, introspection or login in the gateway document; null for API keys. */
  readonly source: string | null;
  /** `jti` of the token, where it has one. */
  readonly tokenId: string | null;
  /** When the token was made, milliseconds since the epoch; null where it does not say. Revocation of a subject counts from a time. */
  readonly issuedAt: number | null;
  /** When it ends, milliseconds since the epoch; null where it does not. */
  readonly expiresAt: number | null;
  /** Claims of the token, for limits by claim; empty for API keys. */
  readonly claims: Readonly<Record<string, unknown>>;
}
