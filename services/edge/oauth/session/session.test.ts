import { until } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CookieBrowser } from '../../../../tests/support/cookie-browser.ts';
import { entryOf, opened, sessionCookie, sessions, ticketOf } from '../testing/crafted.ts';
import { startLoginKit, type LoginKit } from '../testing/login-kit.ts';

let kit: LoginKit;
let gateway: string;
beforeAll(async () => {
  kit = await startLoginKit();
  gateway = kit.edge.url;
  kit.provider.users.set('alice', { name: 'Alice', roles: ['trader'], tenant: 'acme' });
});
afterAll(() => kit[Symbol.asyncDispose]());
beforeEach(async () => {
  kit.provider.trouble = null;
  kit.edge.received.length = 0;
  await kit.configure({});
});

const page = { accept: 'text/html' };
const me = (browser: CookieBrowser) => browser.visit(`${gateway}/v1/me`);
const identity = {
  subject: 'alice',
  kind: 'session',
  roles: ['trader'],
  scopes: ['markets:read', 'markets:write', 'offline_access', 'openid', 'profile'],
  tenant: 'acme',
};

describe('a login', () => {
  it('gives backends the identity that the provider tells, and no credential', async () => {
    const browser = await kit.logIn('alice');
    const answer = await me(browser);
    expect([answer.status, answer.json()]).toEqual([200, identity]);
    expect(JSON.stringify(kit.edge.received[0]?.headers)).not.toContain('sluice_session');
  });

  it('tells its pages who they are and until when, and nobody a token', async () => {
    const browser = await kit.logIn('alice');
    const session = await browser.visit(`${gateway}/auth/main/session`);
    const { kind: _, ...shown } = identity;
    expect(session.json()).toEqual({ login: 'main', ...shown, expires_at: expect.any(Number) });
    expect(session.headers.get('cache-control')).toBe('no-store');
    const { state } = (await entryOf(browser, kit.edge))!;
    const cookie = browser.cookies(gateway).get(sessionCookie)!;
    expect(JSON.stringify(await opened(cookie))).not.toContain(state.refreshToken);
    // What is in KV cannot be read without the cookie.
    const entry = await (await sessions(kit.edge)).get((await ticketOf(browser, kit.edge)).entry);
    expect(Buffer.from(entry!.value).toString()).not.toContain(state.refreshToken);
    const nobody = await new CookieBrowser().visit(`${gateway}/auth/main/session`);
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Cookie realm="sluice"']);
  });

  it('brings the browser back where it wanted to go, with one cookie that scripts cannot read', async () => {
    const browser = new CookieBrowser();
    const to = encodeURIComponent('/orders?page=2#last');
    const callback = await browser.logInAtProvider(`${gateway}/auth/main/login?return_to=${to}`, 'alice');
    const arrived = await browser.visit(callback);
    expect([arrived.status, arrived.location]).toEqual([302, `${gateway}/orders?page=2#last`]);
    expect(arrived.headers.get('referrer-policy')).toBe('no-referrer');
    expect([...browser.cookies(gateway).keys()]).toEqual([sessionCookie]);
    const line = arrived.headers.getSetCookie().find((each) => each.startsWith(`${sessionCookie}=`));
    expect(line).toMatch(/; Path=\/; Max-Age=28800; HttpOnly; SameSite=Lax$/);
  });

  it.each(['https://evil.example', '//evil.example', '/\\evil.example', '/auth/main/login', 'x'])(
    'does not begin with a way back to %s',
    async (to) => {
      const url = `${gateway}/auth/main/login?return_to=${encodeURIComponent(to)}`;
      const answer = await new CookieBrowser().visit(url);
      expect([answer.status, answer.json()['code']]).toEqual([400, 'invalid_parameters']);
    },
  );

  it('sends cookies only over TLS, under a name that no other host can set, where the gateway is https', async () => {
    await kit.configure({ public_url: 'https://gateway.example' });
    const answer = await new CookieBrowser().visit(`${gateway}/auth/main/login`);
    expect(answer.headers.get('set-cookie')).toMatch(
      /^__Host-sluice_session_login0=[^;]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(answer.location).toContain(encodeURIComponent('https://gateway.example/auth/main/callback'));
  });

  it('asks with PKCE, state and nonce, and with what the document adds', async () => {
    await kit.configure({ parameters: { prompt: 'login', ui_locales: 'de' } });
    const { location } = await new CookieBrowser().visit(`${gateway}/auth/main/login`);
    const query = Object.fromEntries(new URL(location!).searchParams);
    expect(query).toMatchObject({ code_challenge_method: 'S256', prompt: 'login', ui_locales: 'de' });
    for (const name of ['code_challenge', 'state', 'nonce']) expect(query[name]).toMatch(/^[\w-]{43,44}$/);
  });

  it('reads the keys of the provider: the signature of the ID token is checked', async () => {
    await kit.configure({ parameters: { x: 'not asked before' } });
    const before = kit.provider.requests.get('/jwks') ?? 0;
    await kit.logIn('alice');
    expect(kit.provider.requests.get('/jwks') ?? 0).toBeGreaterThan(before);
  });

  it('leaves with a page where strict cookies would not survive a redirect', async () => {
    await kit.configure({ same_site: 'strict', after_login: '/home' });
    const browser = new CookieBrowser();
    const arrived = await browser.visit(await browser.logInAtProvider(`${gateway}/auth/main/login`, 'alice'));
    expect([arrived.status, arrived.headers.get('refresh')]).toEqual([200, '0; url=/home']);
    expect(arrived.headers.getSetCookie().join()).toContain('SameSite=Strict');
  });

  it('without a refresh token ends with its access token', async () => {
    await kit.configure({ scopes: ['openid', 'profile'] });
    const browser = await kit.logIn('alice');
    const session = await browser.visit(`${gateway}/auth/main/session`);
    const left = Number(session.json()['expires_at']) - Date.now();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(kit.provider.lifetimes.access * 1_000);
  });

  it('can be under way in several tabs', async () => {
    const browser = new CookieBrowser();
    const begun = [];
    for (let i = 0; i < 3; i++)
      begun.push(await browser.logInAtProvider(`${gateway}/auth/main/login`, 'alice'));
    for (const callback of begun.toReversed()) expect((await browser.visit(callback)).status).toBe(302);
    expect((await me(browser)).status).toBe(200);
  });

  it('of another user ends the session that the browser had', async () => {
    const browser = await kit.logIn('alice');
    const before = browser.cookies(gateway).get(sessionCookie)!;
    // The provider has a session of its own, which belongs to alice.
    browser.cookies(kit.provider.issuer).clear();
    await kit.logIn('bob', browser);
    expect((await me(browser)).json()['subject']).toBe('bob');
    browser.cookies(gateway).set(sessionCookie, before);
    await until(async () => (await me(browser)).status === 401);
  });

  it('that the user breaks off is 403, as a page for people', async () => {
    const browser = new CookieBrowser();
    const form = await browser.follow(`${gateway}/auth/main/login`);
    const cancelled = await browser.visit(form.url, { form: { cancel: '1' } });
    const callback = (await browser.follow(cancelled.location!, (url) => url.includes('/callback')))
      .location!;
    const answer = await browser.visit(callback, { headers: page });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([403, 'text/html; charset=utf-8']);
    expect(answer.text).toContain('access_denied');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(browser.cookies(gateway).size).toBe(0);
  });

  it('is 503 while the provider is away, at its beginning and at its end', async () => {
    await kit.configure({ parameters: { x: 'new' } });
    kit.provider.trouble = 'fail';
    const begin = await new CookieBrowser().visit(`${gateway}/auth/main/login`, { headers: page });
    expect([begin.status, begin.headers.get('retry-after')]).toEqual([503, '5']);
    kit.provider.trouble = null;
    const browser = new CookieBrowser();
    const callback = await browser.logInAtProvider(`${gateway}/auth/main/login`, 'alice');
    kit.provider.trouble = 'refuse';
    const end = await browser.visit(callback);
    expect([end.status, end.json()['code']]).toEqual([503, 'unavailable']);
  });
});

describe('a logout', () => {
  it('ends the session everywhere and goes on to the provider', async () => {
    const browser = await kit.logIn('alice');
    const cookie = browser.cookies(gateway).get(sessionCookie)!;
    const revocations = kit.provider.requests.get('/token/revocation') ?? 0;
    const out = await browser.visit(`${gateway}/auth/main/logout`, {
      method: 'POST',
      headers: { ...page, origin: gateway },
    });
    const to = new URL(out.location!);
    expect([out.status, to.origin + to.pathname]).toEqual([303, `${kit.provider.issuer}/session/end`]);
    expect(Object.fromEntries(to.searchParams)).toMatchObject({
      post_logout_redirect_uri: `${gateway}/goodbye`,
      client_id: 'gateway',
      id_token_hint: expect.stringMatching(/^eyJ/),
    });
    expect((await browser.visit(out.location!)).text).toContain('<title>Log out</title>');
    expect(browser.cookies(gateway).size).toBe(0);
    browser.cookies(gateway).set(sessionCookie, cookie);
    expect((await me(browser)).status).toBe(401);
    await until(() => (kit.provider.requests.get('/token/revocation') ?? 0) > revocations);
  });

  it('tells a script where to go, and works twice, and while the provider is away', async () => {
    const browser = await kit.logIn('alice');
    const out = { method: 'POST', headers: { origin: gateway } };
    const first = await browser.visit(`${gateway}/auth/main/logout`, out);
    expect([first.status, first.json()['location']]).toEqual([200, expect.stringContaining('/session/end?')]);
    expect((await browser.visit(`${gateway}/auth/main/logout`, out)).status).toBe(200);
    await kit.configure({ parameters: { x: 'unknown' } });
    kit.provider.trouble = 'refuse';
    expect((await browser.visit(`${gateway}/auth/main/logout`, out)).json()).toEqual({
      location: '/goodbye',
    });
  });

  it('is nothing that a link or an image could do', async () => {
    const browser = await kit.logIn('alice');
    const answer = await browser.visit(`${gateway}/auth/main/logout`);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  });
});

it('below /auth/ there are only logins of the document, whatever routes backends have', async () => {
  await kit.edge.route({ id: 'all', method: '*', path: '/{path...}' });
  for (const path of ['other/login', 'main/nothing', 'main', 'main/login/', 'main/__proto__', 'x/y/z'])
    expect([path, (await fetch(`${gateway}/auth/${path}`)).status]).toEqual([path, 404]);
  expect((await fetch(`${gateway}/authors`)).status).toBe(200);
  expect(kit.edge.received).toHaveLength(1);
});

it('a logout of one login leaves the session of another alone, though they share cookie and key', async () => {
  const { issuer, client_id } = kit.edge.documents.current.logins['main']!;
  const secrets = { client_secret: { env: 'TEST_CLIENT_SECRET' }, cookie_key: { env: 'TEST_COOKIE_KEY' } };
  await kit.configure({}, { logins: { desk: { issuer, client_id, public_url: gateway, ...secrets } } });
  const browser = await kit.logIn('alice');
  const cookie = browser.cookies(gateway).get(sessionCookie)!;
  const out = { method: 'POST', headers: { origin: gateway } };
  expect((await browser.visit(`${gateway}/auth/desk/logout`, out)).status).toBe(200);
  browser.cookies(gateway).set(sessionCookie, cookie);
  expect((await me(browser)).status).toBe(200);
});

it('two logins with cookies of their own do not disturb each other', async () => {
  const client = kit.edge.documents.current.logins['main']!;
  await kit.configure(
    {},
    {
      logins: {
        desk: {
          issuer: client.issuer,
          client_id: client.client_id,
          client_secret: { env: 'TEST_CLIENT_SECRET' },
          public_url: gateway,
          cookie_key: { env: 'TEST_COOKIE_KEY' },
          cookie_name: 'desk',
        },
      },
    },
  );
  const browser = await kit.logIn('alice');
  browser.cookies(kit.provider.issuer).clear();
  const callback = await browser.logInAtProvider(`${gateway}/auth/desk/login`, 'bob');
  expect((await browser.visit(callback)).status).toBe(302);
  const who = async (login: string) =>
    (await browser.visit(`${gateway}/auth/${login}/session`)).json()['subject'];
  expect([await who('main'), await who('desk')]).toEqual(['alice', 'bob']);
  const out = { method: 'POST', headers: { origin: gateway } };
  await browser.visit(`${gateway}/auth/desk/logout`, out);
  expect([await who('main'), await who('desk')]).toEqual(['alice', undefined]);
});
