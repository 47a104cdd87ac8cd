import { SluiceError } from '@sluice/errors';
import type { FlatHeaders } from '@sluice/wire';
import type { Exchange } from '../../exchange.ts';
import { attemptCookieOf, openAttempt, type Attempt } from './attempt.ts';
import { setCookie } from './cookies.ts';
import type { ConfiguredLogin } from './login.ts';
import { LoginFailed, type LoginContext, type LoginPage } from './login-page.ts';
import { answerPage, redirect } from './pages.ts';
import { encodeSession, largestEntry, sealState, stateOf } from './stored-session.ts';
import { newTicket, sealTicket, type Ticket } from './ticket.ts';
import type { Tokens } from './tokens.ts';

/**
 * `GET /auth/<login>/callback`: what the provider sends the browser back to. Only the browser that began the login can
 * finish it, once: state, nonce and PKCE verifier are in its cookie, which goes with the first answer whatever that is.
 * Exits: 400 for callbacks of no login under way, 403 where the provider refused, 503 where it or NATS is away.
 */
export const finishLogin: LoginPage = async (exchange, login, context) => {
  const state = new URLSearchParams(exchange.query).get('state') ?? '';
  const attempt = await openAttempt(login, state, exchange.cookie);
  if (attempt === null)
    throw new SluiceError(
      'bad_request',
      'This login was not begun in this browser, is over, or took too long.',
    );
  const done = [
    'set-cookie',
    setCookie(attemptCookieOf(login, state) as string, '', {
      secure: login.secure,
      sameSite: 'lax',
      maxAgeS: 0,
    }),
  ];
  try {
    const callback = new URL(`${login.redirectUri}?${exchange.query}`);
    const tokens = await login.provider.exchange(callback, attempt);
    const ticket = await newSession(login, tokens, context);
    await forgetFormer(login.ownCookie(exchange.cookie), context);
    arrive(exchange, login, attempt, [...done, 'set-cookie', await sessionCookie(login, ticket)]);
  } catch (error) {
    throw new LoginFailed(error, done);
  }
};

async function newSession(
  login: ConfiguredLogin,
  tokens: Tokens,
  { sessions }: LoginContext,
): Promise<Ticket> {
  const now = Date.now();
  // Tokens that cannot be refreshed take the session along when they end: nobody vouches for the user after that.
  const vouched = tokens.refreshToken === null ? (tokens.accessEnd ?? Infinity) : Infinity;
  const ticket = newTicket(login, Math.min(now + login.settings.session, vouched));
  const entry = {
    subject: tokens.subject,
    started: now,
    renewing: 0,
    sealed: await sealState(stateOf(tokens, null), ticket),
  };
  if (encodeSession(entry).length > largestEntry)
    throw new SluiceError(
      'bad_backend_response',
      'The login service says more about this user than a session can hold.',
    );
  try {
    await sessions.store.create(ticket.entry, entry, ticket.end);
  } catch (cause) {
    throw new SluiceError('unavailable', 'The session cannot be stored at the moment.', { cause });
  }
  return ticket;
}

/** A browser has one session per cookie: the one before ends with its cookie. */
async function forgetFormer(cookie: string | null, { sessions, report }: LoginContext): Promise<void> {
  try {
    const former = await sessions.ticketOf(cookie);
    if (former !== null) await sessions.store.end(former.entry);
  } catch (error) {
    // It ends by itself; the new one is there.
    report('the session before a login could not be ended', error);
  }
}

async function sessionCookie(login: ConfiguredLogin, ticket: Ticket): Promise<string> {
  return setCookie(login.cookie, await sealTicket(ticket, login), {
    secure: login.secure,
    sameSite: login.settings.same_site,
    maxAgeS: Math.ceil((ticket.end - Date.now()) / 1_000),
  });
}

function arrive(
  exchange: Exchange,
  login: ConfiguredLogin,
  { returnTo }: Attempt,
  headers: FlatHeaders,
): void {
  if (login.settings.same_site === 'lax') return redirect(exchange, 302, returnTo, headers);
  // A redirect goes on with the navigation that the provider began: no strict cookie is sent with it. A page that is
  // left again begins one of our own.
  answerPage(
    exchange,
    200,
    { title: 'You are logged in', text: 'One moment.', link: { href: returnTo, text: 'Go on' } },
    ['refresh', `0; url=${returnTo}`, ...headers],
  );
}
