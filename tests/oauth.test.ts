import { connectBus, type Bus } from '@sluice/nats';
import { applyDocument } from '@sluice/policy';
import { startStack, until, type TestStack } from '@sluice/testing';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchBrowser, openPage } from './support/browser.ts';
import { CookieBrowser } from './support/cookie-browser.ts';
import {
  gatewayClient,
  machineClient,
  startOidcProvider,
  type TestProvider,
} from './support/oidc-provider.ts';

/** OAuth 2.0 at a running gateway of two edges, each process with the rights in NATS that it has in a cluster. */

const patient = { timeoutMs: 30_000 };
/** A page of the gateway's origin, from a backend. */
const home = `<!doctype html><title>Home</title><h1>Home</h1>
<form method="post" action="/auth/main/logout"><button>Log out</button></form>`;

let provider: TestProvider;
let stack: TestStack;
let bus: Bus;
let gateway: string;
let other: string;
/** Who called the backend, in order: method and subject. */
const calls: string[] = [];

beforeAll(async () => {
  provider = await startOidcProvider();
  stack = await startStack({
    locked: true,
    services: ['admin', 'router', 'edge', 'edge'],
    env: {
      TEST_CLIENT_SECRET: gatewayClient.client_secret,
      TEST_MACHINE_SECRET: machineClient.client_secret,
      TEST_COOKIE_KEY: Buffer.alloc(32, 7).toString('base64'),
    },
  });
  [gateway = '', other = ''] = stack.services.flatMap((service) => service.gateway ?? []);
  provider.addGateway(gateway);
  provider.users.set('alice', { roles: ['trader'] });
  bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  bus.subscribe('test.me', (message) => {
    calls.push(`${message.header('Sluice-Method')} ${message.header('Sluice-Subject')}`);
    message.respond(JSON.stringify({ subject: message.header('Sluice-Subject') }));
  });
  bus.subscribe('test.page', (message) => message.respond(home, ['Content-Type', 'text/html']));
  await applyDocument(
    bus,
    {
      introspection: {
        idp: {
          url: `${provider.issuer}/token/introspection`,
          client_id: machineClient.client_id,
          client_secret: { env: 'TEST_MACHINE_SECRET' },
          cache: '500ms',
        },
      },
      logins: {
        main: {
          issuer: provider.issuer,
          client_id: gatewayClient.client_id,
          client_secret: { env: 'TEST_CLIENT_SECRET' },
          scopes: ['openid', 'offline_access', 'profile'],
          public_url: gateway,
          cookie_key: { env: 'TEST_COOKIE_KEY' },
          after_login: '/home',
          after_logout: '/goodbye',
        },
      },
      routes: [
        { id: 'me', path: '/v1/me', subject: 'test.me', auth: ['oauth', 'session'] },
        { id: 'me-post', method: 'POST', path: '/v1/me', subject: 'test.me', auth: ['oauth', 'session'] },
        { id: 'write', path: '/v1/write', subject: 'test.me', auth: ['oauth'], scopes: ['markets:write'] },
        { id: 'home', path: '/home', subject: 'test.page', auth: 'public' },
        { id: 'goodbye', path: '/goodbye', subject: 'test.page', auth: 'public' },
      ],
    },
    { author: 'test', comment: null, expectedRevision: null },
  );
  for (const edge of [gateway, other])
    await until(async () => (await fetch(`${edge}/v1/me`)).status === 401, patient);
}, 120_000);
afterAll(async () => {
  await bus?.close();
  await stack?.stop();
  await provider?.stop();
});

describe('an opaque token', () => {
  const call = (token: string, path = '/v1/me') =>
    fetch(gateway + path, { headers: { authorization: `Bearer ${token}` } });

  it('of client credentials is introspected, and may what its scopes say', async () => {
    const token = await provider.clientToken('markets:read');
    expect(await (await call(token)).json()).toEqual({ subject: 'machine' });
    expect((await call(token, '/v1/write')).status).toBe(403);
    const writer = await provider.clientToken('markets:write');
    expect((await call(writer, '/v1/write')).status).toBe(200);
  });

  it('that is not good gets 401 with the challenge of RFC 6750, and is refused soon after it is taken back', async () => {
    const refused = await call('invented');
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="sluice", error="invalid_token"',
    ]);
    const token = await provider.clientToken();
    expect((await call(token)).status).toBe(200);
    await provider.revoke(token);
    await until(async () => (await call(token)).status === 401, patient);
  });
});

describe('a session', () => {
  const logIn = async (): Promise<CookieBrowser> => {
    const browser = new CookieBrowser();
    const callback = await browser.logInAtProvider(`${gateway}/auth/main/login`, 'alice');
    expect((await browser.visit(callback)).location).toBe(`${gateway}/home`);
    return browser;
  };

  it('is good at every edge, and so is a login that one has begun and another finishes', async () => {
    const browser = new CookieBrowser();
    const callback = await browser.logInAtProvider(`${gateway}/auth/main/login`, 'alice');
    expect((await browser.visit(callback.replace(gateway, other))).status).toBe(302);
    for (const edge of [gateway, other])
      expect((await browser.visit(`${edge}/v1/me`)).json()).toEqual({ subject: 'alice' });
  });

  it('survives its short-lived tokens at two edges that both refresh them, and ends at both', async () => {
    provider.lifetimes.access = 1;
    const browser = await logIn();
    const cookies = new Map(browser.cookies(gateway));
    const before = provider.requests.get('/token') ?? 0;
    await until(async () => {
      const answers = await Promise.all(
        [gateway, other, gateway, other].map((edge) => browser.visit(`${edge}/v1/me`)),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      return (provider.requests.get('/token') ?? 0) >= before + 3;
    }, patient);
    provider.lifetimes.access = 300;
    const out = { method: 'POST', headers: { origin: gateway } };
    expect((await browser.visit(`${other}/auth/main/logout`, out)).status).toBe(200);
    for (const [name, value] of cookies) browser.cookies(gateway).set(name, value);
    for (const edge of [gateway, other])
      await until(async () => (await browser.visit(`${edge}/v1/me`)).status === 401, patient);
  });
});

describe.skipIf(chromiumPath === undefined)('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  it('one logs in, calls the API, is refreshed, is safe from other pages, logs out, and is refused', async () => {
    provider.lifetimes.access = 2;
    const watched = await openPage(browser);
    const { page } = watched;
    /** As a script of the page would; the status, and the body where the page may read it. */
    const call = (url: string, init: object = {}): Promise<{ status: number; text: string }> =>
      page.evaluate(
        async ([url, init]) => {
          const response = await fetch(url as string, init as RequestInit);
          return { status: response.status, text: await response.text() };
        },
        [url, init],
      );

    await watched.goto(`${gateway}/auth/main/login`);
    await page.locator('input[name="user"]').fill('alice');
    await page.getByRole('button', { name: 'Go on' }).click();
    // The provider asks whether the gateway may have a refresh token.
    await page.waitForURL((url) => url.origin === provider.issuer && !url.pathname.endsWith('/login'));
    await page.locator('input[name="user"]').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.waitForURL(`${gateway}/home`);

    expect(await call('/v1/me')).toEqual({ status: 200, text: '{"subject":"alice"}' });
    expect((await call('/v1/me', { method: 'POST' })).status).toBe(200);
    // Scripts see neither the cookie nor a token.
    expect(await page.evaluate('document.cookie')).toBe('');
    expect((await call('/auth/main/session')).text).not.toMatch(/token|eyJ/);

    const before = provider.requests.get('/token') ?? 0;
    await until(async () => {
      expect((await call('/v1/me')).status).toBe(200);
      return (provider.requests.get('/token') ?? 0) > before;
    }, patient);
    provider.lifetimes.access = 300;

    // Another port is another origin, but the same site: the cookie is sent, and only the origin tells the page.
    const foreign = await page.context().newPage();
    await foreign.goto(`${other}/home`);
    const seen = calls.length;
    await foreign.evaluate(
      (url) => fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include' }).then(() => null),
      `${gateway}/v1/me`,
    );
    expect(calls.slice(seen)).toEqual([]);
    await foreign.close();

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL((url) => url.origin === provider.issuer);
    await page.getByRole('button', { name: 'Yes' }).click();
    await page.waitForURL(`${gateway}/goodbye`);
    expect((await call('/v1/me')).status).toBe(401);
    await page.context().close();
  });
});
