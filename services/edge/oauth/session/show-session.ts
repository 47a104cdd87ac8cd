import { SluiceError } from '@sluice/errors';
import type { LoginPage } from './login-page.ts';
import { answerJson } from './pages.ts';

/**
 * `GET /auth/<login>/session`: who the browser's user is and until when, for pages; never a token. Exits: 401 without a
 * session of this login, 503 where that cannot be found out now.
 */
export const showSession: LoginPage = async (exchange, login, { authenticator, sessions }) => {
  // Not the cookie alone: revocation and the consumer count here as everywhere.
  const { method, origin, secFetchSite } = exchange;
  const cookie = login.ownCookie(exchange.cookie);
  const nothing = { authorization: null, apiKey: null, queryToken: null };
  const caller = await authenticator.identify({ ...nothing, cookie, method, origin, secFetchSite }, [
    'session',
  ]);
  if (caller === null || caller.source !== login.name)
    throw new SluiceError('unauthorized', 'Nobody is logged in here.', {
      headers: { 'www-authenticate': sessions.challenge },
    });
  exchange.caller = caller;
  const { subject, roles, scopes, tenant } = caller.identity;
  answerJson(exchange, 200, {
    login: login.name,
    subject,
    roles,
    scopes,
    tenant,
    expires_at: caller.expiresAt,
  });
};
