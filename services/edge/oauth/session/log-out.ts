import { SluiceError } from '@sluice/errors';
import { cannotCheck } from '../../credentials/bearer.ts';
import { setCookie } from './cookies.ts';
import type { ConfiguredLogin } from './login.ts';
import type { LoginContext, LoginPage } from './login-page.ts';
import { answerJson, redirect, wantsPage } from './pages.ts';
import { fromOwnPage } from './same-origin.ts';

/**
 * `POST /auth/<login>/logout`: ends the session on every edge, takes the refresh token back, and sends the browser to the
 * provider's own logout where there is one. A script is told that address instead. Without a session it does the same with
 * less. Exits: 403 for a request of another site's page, 503 when the session could not be ended.
 */
export const logOut: LoginPage = async (exchange, login, context) => {
  if (!fromOwnPage(exchange, login.origin))
    throw new SluiceError(
      'forbidden',
      'A logout has to come from a page of this origin: Origin or Sec-Fetch-Site does not say so.',
    );
  const idToken = await endSession(login.ownCookie(exchange.cookie), login, context);
  const cookie = [
    'set-cookie',
    setCookie(login.cookie, '', { secure: login.secure, sameSite: login.settings.same_site, maxAgeS: 0 }),
  ];
  const { after_logout: after } = login.settings;
  // The session is over here whatever the provider says, or does not say.
  const atProvider = await login.provider.logoutUrl(idToken, login.address(after)).catch(() => null);
  const to = atProvider ?? after;
  if (wantsPage(exchange)) redirect(exchange, 303, to, cookie);
  else answerJson(exchange, 200, { location: to }, cookie);
};

/** The ID token of the session that was ended, for the provider; null where there was none. */
async function endSession(
  cookie: string | null,
  login: ConfiguredLogin,
  { sessions, report }: LoginContext,
): Promise<string | null> {
  const ticket = await sessions.ticketOf(cookie);
  if (ticket === null || ticket.login !== login.name) return null;
  const state = await sessions.stateOf(ticket);
  try {
    await sessions.store.end(ticket.entry);
  } catch (error) {
    throw cannotCheck(error);
  }
  if (state?.refreshToken)
    login.provider
      .revoke(state.refreshToken)
      .catch((error: unknown) => report(`login ${login.name}: a refresh token was not taken back`, error));
  return state?.idToken ?? null;
}
