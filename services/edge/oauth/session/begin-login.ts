import { SluiceError } from '@sluice/errors';
import { attemptCookieOf, attemptMs, newAttempt, sealAttempt } from './attempt.ts';
import { setCookie } from './cookies.ts';
import type { LoginPage } from './login-page.ts';
import { redirect } from './pages.ts';
import { safeReturnTo } from './return-to.ts';

/**
 * `GET /auth/<login>/login?return_to=/path`: sends the browser to the provider, with what the callback must match in a
 * cookie. Exits: 400 for a `return_to` that could lead elsewhere, 503 while the provider has never been reached.
 */
export const beginLogin: LoginPage = async (exchange, login) => {
  const given = new URLSearchParams(exchange.query).get('return_to');
  const returnTo = given === null ? login.settings.after_login : safeReturnTo(given, login.origin);
  if (returnTo === null)
    throw new SluiceError('invalid_parameters', 'return_to is not a path of this gateway.', {
      errors: [{ in: 'query', pointer: '/return_to', detail: 'has to be a path like /orders?page=2' }],
    });
  const attempt = newAttempt(login, returnTo, exchange.cookie);
  const to = await login.provider.authorizationUrl(login.redirectUri, attempt);
  const cookie = setCookie(
    attemptCookieOf(login, attempt.state) as string,
    await sealAttempt(attempt, login),
    // Lax whatever the session's rule is: the way back from the provider begins on another site.
    { secure: login.secure, sameSite: 'lax', maxAgeS: attemptMs / 1_000 },
  );
  redirect(exchange, 302, to, ['set-cookie', cookie]);
};
