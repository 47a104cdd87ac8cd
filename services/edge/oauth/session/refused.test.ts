import { openBucket } from '@sluice/nats';
import { revocationKey, revocationsBucket } from '@sluice/policy';
import { until } from '@sluice/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CookieBrowser } from '../../../../tests/support/cookie-browser.ts';
import { firstKey, opened, resealed, rewrite, sessionCookie, ticketOf } from '../testing/crafted.ts';
import { cookieKeys, startLoginKit, type LoginKit } from '../testing/login-kit.ts';
import { parseSealKeys, seal, type SealKey } from './seal.ts';

let kit: LoginKit;
let gateway: string;
beforeAll(async () => {
  kit = await startLoginKit();
  gateway = kit.edge.url;
});
afterAll(() => kit[Symbol.asyncDispose]());
beforeEach(async () => {
  kit.provider.trouble = null;
  kit.edge.received.length = 0;
  process.env['TEST_COOKIE_KEY'] = cookieKeys[0];
  await kit.configure({});
});

const me = (browser: CookieBrowser) => browser.visit(`${gateway}/v1/me`);
describe('a callback is refused', () => {
  const begin = async (browser: CookieBrowser): Promise<string> =>
    browser.logInAtProvider(`${gateway}/auth/main/login`, 'alice');
  const refused = async (browser: CookieBrowser, url: string): Promise<void> => {
    const problem = await browser.visit(url);
    expect([problem.status, problem.json()['code']]).toEqual([400, 'bad_request']);
    expect(problem.headers.get('content-type')).toBe('application/problem+json');
    expect(browser.cookies(gateway).has(sessionCookie)).toBe(false);
    expect((await fetch(`${gateway}/auth/main/session`)).status).toBe(401);
  };
  const attempt = (browser: CookieBrowser): [string, string] =>
    [...browser.cookies(gateway)].find(([name]) => name.startsWith(`${sessionCookie}_login`))!;

  it('without a login under way', async () => {
    await refused(new CookieBrowser(), `${gateway}/auth/main/callback?code=x&state=0x`);
    await refused(new CookieBrowser(), `${gateway}/auth/main/callback`);
    await refused(new CookieBrowser(), `${gateway}/auth/main/callback?error=access_denied&state=9`);
  });

  it('in another browser, which has not the cookie', async () => {
    const callback = await begin(new CookieBrowser());
    await refused(new CookieBrowser(), callback);
    const other = new CookieBrowser();
    await begin(other);
    await refused(other, callback);
  });

  it('with another state', async () => {
    const browser = new CookieBrowser();
    const url = new URL(await begin(browser));
    url.searchParams.set('state', `0${'x'.repeat(43)}`);
    await refused(browser, url.href);
  });

  it.each(['nonce', 'verifier'])('with another %s', async (name) => {
    const browser = new CookieBrowser();
    const callback = await begin(browser);
    const [cookie, value] = attempt(browser);
    browser.cookies(gateway).set(cookie, await resealed(value, { [name]: 'x'.repeat(43) }));
    await refused(browser, callback);
  });

  it.each([
    ['too late', { end: 1 }],
    ['of another login', { login: 'other' }],
    ['of another kind', { kind: 'session' }],
  ])('%s', async (_, change) => {
    const browser = new CookieBrowser();
    const callback = await begin(browser);
    const [cookie, value] = attempt(browser);
    browser.cookies(gateway).set(cookie, await resealed(value, change));
    await refused(browser, callback);
  });

  it('the second time, even with the cookie of the first', async () => {
    const browser = new CookieBrowser();
    const callback = await begin(browser);
    const [cookie, value] = attempt(browser);
    expect((await browser.visit(callback)).status).toBe(302);
    browser.cookies(gateway).clear();
    await refused(browser, callback);
    browser.cookies(gateway).set(cookie, value);
    await refused(browser, callback);
  });

  it('with an issuer that is not the provider (RFC 9207)', async () => {
    const browser = new CookieBrowser();
    const url = new URL(await begin(browser));
    url.searchParams.set('iss', 'https://evil.example');
    await refused(browser, url.href);
  });
});

describe('a cookie is refused', () => {
  const refused = async (cookie: string): Promise<void> => {
    const answer = await fetch(`${gateway}/v1/me`, { headers: { cookie: `${sessionCookie}=${cookie}` } });
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Cookie realm="sluice"']);
    expect(await answer.json()).toMatchObject({ code: 'unauthorized' });
  };
  const good = async (): Promise<string> => (await kit.logIn('alice')).cookies(gateway).get(sessionCookie)!;

  it('with any part of it changed', async () => {
    const parts = (await good()).split('.');
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      const changed = part === '' ? 'AAAA' : (part[0] === 'A' ? 'B' : 'A') + part.slice(1);
      await refused(parts.with(i, changed).join('.'));
    }
  });

  it.each(['', 'x', '....', 'a.b.c.d.e', 'x'.repeat(5_000), 'eyJhbGciOiJub25lIn0..', '%00'])(
    'that never was one: %s',
    (cookie) => refused(cookie),
  );

  it('sealed with a key that is not ours, or holding what we never write', async () => {
    const cookie = await good();
    const [foreign] = parseSealKeys('9'.repeat(64)) as [SealKey];
    await refused(await resealed(cookie, {}, foreign));
    await refused(await resealed(cookie, {}, { ...foreign, id: firstKey.id }));
    for (const change of [
      { e: 1 },
      { e: 'x' },
      { l: 'other' },
      { s: '../x' },
      { s: 1 },
      { k: null },
      { b: null },
    ])
      await refused(await resealed(cookie, change));
    // Another session's entry cannot be opened with this one's key.
    const { s } = await opened(await good());
    await refused(await resealed(cookie, { s }));
    await refused(await seal([1], firstKey));
  });

  it('when its login is no longer in the document, or its key has been retired', async () => {
    const browser = await kit.logIn('alice');
    process.env['TEST_COOKIE_KEY'] = `${cookieKeys[1]},${cookieKeys[0]}`;
    await kit.configure({ after_login: '/a' });
    expect((await me(browser)).status).toBe(200);
    const later = await kit.logIn('alice');
    process.env['TEST_COOKIE_KEY'] = cookieKeys[1];
    await kit.configure({ after_login: '/b' });
    expect((await me(browser)).status).toBe(401);
    expect((await me(later)).status).toBe(200);
    await kit.edge.document({});
    expect((await me(later)).status).toBe(401);
    expect((await later.visit(`${gateway}/auth/main/session`)).status).toBe(404);
  });

  it('as 503 where its key cannot be read', async () => {
    const browser = await kit.logIn('alice');
    process.env['TEST_COOKIE_KEY'] = 'too short';
    await kit.configure({ after_login: '/c' });
    expect((await me(browser)).status).toBe(503);
    expect((await browser.visit(`${gateway}/auth/main/login`)).status).toBe(503);
    expect(JSON.stringify(kit.edge.failures)).not.toContain('too short');
  });

  it('once its subject or the session itself is revoked', async () => {
    const revocations = await openBucket(kit.edge.bus, { name: revocationsBucket, perKeyTtl: true });
    const revoke = (kind: 'subject' | 'jti', id: string) =>
      revocations.put(
        revocationKey({ kind, source: 'main', id }),
        JSON.stringify({ at: Date.now() + 1, until: null, reason: 'test' }),
      );
    const bob = await kit.logIn('bob');
    expect((await me(bob)).status).toBe(200);
    await revoke('subject', 'bob');
    await until(async () => (await me(bob)).status === 401);
    // What counts is when the session began, not when it was looked at or refreshed.
    const [early, late] = [await kit.logIn('carol'), await kit.logIn('carol')];
    await rewrite(early, [kit.edge], { stored: { started: Date.now() - 3_600_000 } });
    expect((await me(early)).status).toBe(200);
    await revocations.put(
      revocationKey({ kind: 'subject', source: 'main', id: 'carol' }),
      JSON.stringify({ at: Date.now() - 1_800_000, until: null, reason: 'test' }),
    );
    await until(async () => (await me(early)).status === 401);
    expect((await me(late)).status).toBe(200);
    const alice = await kit.logIn('alice');
    await revoke('jti', (await ticketOf(alice, kit.edge)).id);
    await until(async () => (await me(alice)).status === 401);
  });
});

describe('calls that change something', () => {
  const foreign = [
    {},
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
  ];

  it('are 403 from pages of other origins, other hosts of the same site, and nobody', async () => {
    const browser = await kit.logIn('alice');
    const contradictions = [
      { origin: gateway, 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    ];
    for (const headers of [...foreign, ...contradictions])
      for (const path of ['/v1/me', '/auth/main/logout']) {
        const answer = await browser.visit(gateway + path, { method: 'POST', headers });
        expect([headers, answer.status, answer.json()['code']]).toEqual([headers, 403, 'forbidden']);
      }
    expect(kit.edge.received).toEqual([]);
    expect((await me(browser)).status).toBe(200);
  });

  it('pass from pages of our own', async () => {
    const browser = await kit.logIn('alice');
    const own = { 'sec-fetch-site': 'same-origin' };
    // The last one is a form on a page that sends no referrer.
    for (const headers of [{ origin: gateway }, own, { ...own, origin: gateway }, { ...own, origin: 'null' }])
      expect((await browser.visit(`${gateway}/v1/me`, { method: 'POST', headers })).status).toBe(200);
  });
});
