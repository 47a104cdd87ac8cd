import { AuthorizationResponseError, ResponseBodyError } from 'openid-client';

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

/** Codes come from outside and go on to people and logs: one that does not look like a code is not repeated. */
const codeText = /^[a-z_]{1,64}$/;

/** What a call of openid-client has failed with, as one of ours; the original stays in `cause`. */
export function providerError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError) {
    const code = codeText.test(error.error) ? error.error : null;
    const away = error instanceof ResponseBodyError && error.status >= 500;
    const kind = error instanceof AuthorizationResponseError ? 'refused' : 'invalid';
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
