import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CookieBrowser } from '../../../../tests/support/cookie-browser.ts';
import { startLoginKit, type LoginKit } from '../testing/login-kit.ts';

let kit: LoginKit;
let gateway: string;
beforeAll(async () => {
  kit = await startLoginKit();
  gateway = kit.edge.url;
  kit.provider.users.set('alice', { name: 'Alice', roles: ['trader'], tenant: 'acme' });
});
afterAll(() => kit[Symbol.asyncDispose]());
beforeEach(() => {
  kit.provider.trouble = null;
  kit.edge.received.length = 0;
});

describe('a login', () => {
  it('gives backends the identity that the provider tells, and no credential', async () => {
    const browser = await kit.logIn('alice');
    const me = await browser.visit(`${gateway}/v1/me`);
    expect([me.status, me.json()]).toEqual([
      200,
      {
        subject: 'alice',
        kind: 'session',
        roles: ['trader'],
        scopes: ['markets:read', 'markets:write', 'offline_access', 'openid', 'profile'],
        tenant: 'acme',
      },
    ]);
    expect(JSON.stringify(kit.edge.received[0]?.headers)).not.toContain('sluice_session');
  });
});
