import type { GatewayInput } from '@sluice/policy';
import { CookieBrowser } from '../../../../tests/support/cookie-browser.ts';
import {
  gatewayClient,
  startOidcProvider,
  type TestProvider,
} from '../../../../tests/support/oidc-provider.ts';
import { startTestEdge, type TestEdge } from '../../testing/test-edge.ts';
import type { TestNats } from '@sluice/testing';

/** An edge whose document has the login `main` at a real OpenID provider, and a route that takes sessions. */
export interface LoginKit {
  readonly edge: TestEdge;
  readonly provider: TestProvider;
  /** Logs a user in; gives the browser with its session. */
  logIn(user: string, browser?: CookieBrowser): Promise<CookieBrowser>;
  /** Puts another login into force, beside what the kit has. */
  configure(login: object, more?: GatewayInput): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const cookieKeys = ['a', 'b', 'c'].map((digit) => digit.repeat(64));

export async function startLoginKit(options: { nats?: TestNats; login?: object } = {}): Promise<LoginKit> {
  process.env['TEST_CLIENT_SECRET'] = gatewayClient.client_secret;
  process.env['TEST_COOKIE_KEY'] ??= cookieKeys[0];
  const provider = await startOidcProvider();
  const edge = await startTestEdge(options.nats === undefined ? {} : { nats: options.nats });
  for (const login of ['main', 'desk']) provider.addGateway(edge.url, login);
  const kit: LoginKit = {
    edge,
    provider,
    async logIn(user, browser = new CookieBrowser()) {
      const callback = await browser.logInAtProvider(`${edge.url}/auth/main/login`, user);
      const arrived = await browser.visit(callback, { headers: { accept: 'text/html' } });
      if (arrived.status !== 302 && arrived.status !== 200)
        throw new Error(`the login failed: ${arrived.status} ${arrived.text}`);
      return browser;
    },
    configure: (login, more) => edge.document(documentOf(edge, provider, login, more)),
    async [Symbol.asyncDispose]() {
      await edge.stop();
      await provider.stop();
    },
  };
  await kit.configure(options.login ?? {});
  for (const method of ['GET', 'POST'])
    await edge.route({ id: `me-${method}`, method, path: '/v1/me', auth: ['session'] });
  edge.backend = ({ identity }) => ({
    headers: ['content-type', 'application/json'],
    body: Buffer.from(JSON.stringify(identity)),
  });
  return kit;
}

/** The document of a kit, for other edges of the same gateway. */
export function documentOf(
  edge: TestEdge,
  provider: TestProvider,
  login: object = {},
  more: GatewayInput = {},
): GatewayInput {
  return {
    roles: { trader: { scopes: ['markets:write'] } },
    ...more,
    logins: {
      main: {
        issuer: provider.issuer,
        client_id: gatewayClient.client_id,
        client_secret: { env: 'TEST_CLIENT_SECRET' },
        scopes: ['openid', 'offline_access', 'profile', 'markets:read'],
        public_url: edge.url,
        cookie_key: { env: 'TEST_COOKIE_KEY' },
        tenant_claim: 'tenant',
        after_logout: '/goodbye',
        ...login,
      },
      ...more.logins,
    },
  };
}
