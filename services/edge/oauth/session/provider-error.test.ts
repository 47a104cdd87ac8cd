import { AuthorizationResponseError, ResponseBodyError } from 'openid-client';
import { describe, expect, it, test } from 'vitest';
import { ProviderError, providerError } from './provider-error.ts';

const answered = (error: string, status = 400): Error =>
  new ResponseBodyError('refused', { cause: { error }, response: new Response(null, { status }) });
const sentBack = (error: string): Error =>
  new AuthorizationResponseError('refused', { cause: new URLSearchParams({ error }) });
const withCode = (code: string): Error => Object.assign(new Error('failed'), { code });
const nested = (error: unknown, depth: number): unknown =>
  depth === 0 ? error : new Error('outer', { cause: nested(error, depth - 1) });

describe('what the provider has said', () => {
  it.each([
    ['a token that is used, expired or taken back', answered('invalid_grant'), 'invalid', 'invalid_grant'],
    ['a client that is not known', answered('invalid_client', 401), 'invalid', 'invalid_client'],
    ['an error in the callback', sentBack('access_denied'), 'refused', 'access_denied'],
    ['an error of its own', answered('oops', 502), 'away', 'oops'],
    ['that it is busy', answered('temporarily_unavailable'), 'away', 'temporarily_unavailable'],
    ['the same in the callback', sentBack('server_error'), 'away', 'server_error'],
  ])('%s', (_, error, kind, code) => {
    expect(providerError(error)).toMatchObject({ kind, code, cause: error });
  });

  it.each(['<script>', 'x'.repeat(65), 'new\nline', ''])(
    'is not repeated where it is no code: %j',
    (text) => {
      for (const error of [answered(text), sentBack(text)]) {
        const { code, message } = providerError(error);
        expect([code, message]).toEqual(['unnamed', 'the provider answered an error without a name']);
      }
    },
  );
});

describe('a provider that has said nothing', () => {
  it.each([
    ['refuses connections', withCode('ECONNREFUSED')],
    ['has no address', withCode('EAI_AGAIN')],
    ['cuts the connection', withCode('UND_ERR_SOCKET')],
    ['takes too long', withCode('OAUTH_TIMEOUT')],
    ['takes too long for a signal', new DOMException('too long', 'TimeoutError')],
    ['cannot be fetched from', new TypeError('fetch failed')],
    ['stands behind a proxy that says so', Object.assign(new Error('bad answer'), { status: 503 })],
    ['wants fewer calls', new Error('bad answer', { cause: new Response(null, { status: 429 }) })],
    ['is away as a cause of a cause says', nested(withCode('ECONNRESET'), 4)],
  ])('is away: it %s', (_, error) => {
    expect(providerError(error)).toMatchObject({ kind: 'away', code: null });
  });

  it.each([
    ['a wrong signature', withCode('OAUTH_INVALID_RESPONSE')],
    ['a redirect', new Error('bad answer', { cause: new Response(null, { status: 302 }) })],
    ['nothing that is an error', 'text'],
    ['a chain of causes without an end', nested(withCode('ECONNRESET'), 5)],
  ])('is not away for %s', (_, error) => {
    expect(providerError(error)).toMatchObject({ kind: 'invalid', code: null });
  });
});

test('an error of ours stays what it is', () => {
  const error = new ProviderError('invalid', 'other_subject', 'somebody else');
  expect(providerError(error)).toBe(error);
});
