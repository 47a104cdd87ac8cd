import { SluiceError, toSluiceError } from '@sluice/errors';
import { loginLimit } from '@sluice/policy';
import { plainRoute, type CompiledRoute } from '@sluice/routes';
import type { Exchange } from '../../exchange.ts';
import type { LocalRoute } from '../../local-routes.ts';
import { Complaints } from '../complaints.ts';
import { beginLogin } from './begin-login.ts';
import { finishLogin } from './finish-login.ts';
import { LoginFailed, type LoginContext, type LoginPage } from './login-page.ts';
import type { ConfiguredLogin } from './login.ts';
import { logOut } from './log-out.ts';
import { answerPage, noReferrer, wantsPage } from './pages.ts';
import { ProviderError } from './provider-error.ts';
import { showSession } from './show-session.ts';

const pages: Readonly<Record<string, { readonly method: string; readonly page: LoginPage }>> = {
  login: { method: 'GET', page: beginLogin },
  callback: { method: 'GET', page: finishLogin },
  logout: { method: 'POST', page: logOut },
  session: { method: 'GET', page: showSession },
};

const path = /^\/auth\/([A-Za-z0-9][A-Za-z0-9_-]{0,63})\/([a-z]{1,16})$/;

/** What all pages of all logins spend limits as: they are no routes of the table. */
const limited: CompiledRoute = {
  ...plainRoute,
  id: 'auth',
  method: '*',
  path: '/auth/{path...}',
  origin: 'declared',
  service: null,
  subject: '',
  encoding: 'raw',
  timeoutMs: 0,
  limits: [loginLimit],
};

/** Below `/auth/` there is nothing but logins: a route of a backend that takes every path is not asked. */
const nothing: LocalRoute = {
  label: '/auth/{path...}',
  methods: ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'],
  route: null,
  handle: () => {
    throw new SluiceError('not_found', 'There is no such login.');
  },
};

/** Looks up `/auth/<login>/…`; null for paths elsewhere. */
export function loginRoutes(context: LoginContext): (path: string) => LocalRoute | null {
  const complaints = new Complaints(context.report);
  return (given) => {
    if (!given.startsWith('/auth/')) return null;
    const [, name = '', page = ''] = path.exec(given) ?? [];
    const login = context.logins.get(name);
    const found = Object.hasOwn(pages, page) ? pages[page] : undefined;
    if (!login || !found) return nothing;
    return {
      label: `/auth/{login}/${page}`,
      methods: [found.method],
      route: null,
      handle: (exchange) =>
        open(exchange, login, found.page, context).catch((error: unknown) => {
          const cause = error instanceof LoginFailed ? error.cause : error;
          if (cause instanceof ProviderError || (cause instanceof SluiceError && cause.status >= 500))
            complaints.make(login.name, `login ${login.name}: ${cause.message}`, cause.cause);
          fail(exchange, login, error);
        }),
    };
  };
}

/** Strangers may ask for these pages, and each of them costs the gateway or the provider something: that is bounded first. */
async function open(
  exchange: Exchange,
  login: ConfiguredLogin,
  page: LoginPage,
  context: LoginContext,
): Promise<void> {
  const { outlet, client, fields } = exchange;
  await context.limits.admit({
    outlet,
    client,
    fields,
    route: limited,
    // Who calls is for the page to find out, where it matters at all.
    caller: null,
    addHeaders: (added) => exchange.addHeaders(added),
  });
  await page(exchange, login, context);
}

/** A problem document for scripts, and the same as a page for people, who have nothing else in their window. */
function fail(exchange: Exchange, login: ConfiguredLogin, thrown: unknown): void {
  const failed = thrown instanceof LoginFailed ? thrown : null;
  const cause = failed === null ? thrown : failed.cause;
  const error = toSluiceError(cause instanceof ProviderError ? problemOf(cause) : cause);
  const own = failed?.headers ?? [];
  exchange.fail(error);
  if (!wantsPage(exchange)) {
    exchange.headers = [...exchange.headers, ...noReferrer, ...own];
    return;
  }
  const retry = error.retryAfter === undefined ? [] : ['retry-after', String(Math.ceil(error.retryAfter))];
  const text = `${error.detail} (${error.code}, ${exchange.requestId})`;
  const link = { href: `/auth/${login.name}/login`, text: 'Log in again' };
  answerPage(exchange, error.status, { title: 'That did not work', text, link }, [...retry, ...own]);
}

function problemOf(error: ProviderError): SluiceError {
  const { kind, code } = error;
  if (kind === 'away')
    return new SluiceError('unavailable', 'The login service does not answer at the moment.', {
      cause: error,
      retryAfter: 5,
    });
  if (kind === 'refused')
    return new SluiceError('forbidden', `The login service has refused${code === null ? '' : `: ${code}`}.`, {
      cause: error,
    });
  // A code that was used, or belongs to another login, and tokens that do not match this one.
  if (code === 'invalid_grant' || code === null)
    return new SluiceError('bad_request', 'This answer of the login service is not valid, or no longer.', {
      cause: error,
    });
  return new SluiceError('bad_backend_response', 'The login service does not accept this gateway.', {
    cause: error,
  });
}
