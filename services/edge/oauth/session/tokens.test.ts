import { Configuration, customFetch } from 'openid-client';
import { describe, expect, it } from 'vitest';
import { TestDocuments } from '../../testing/documents.ts';
import { tokensOf, type TokenAnswer } from './tokens.ts';

const { current } = new TestDocuments({
  logins: {
    main: {
      issuer: 'https://idp.example',
      client_id: 'gateway',
      scopes: ['openid', 'profile'],
      public_url: 'https://gateway.example',
      cookie_key: { env: 'TEST_COOKIE_KEY' },
      roles_claim: 'roles',
      tenant_claim: 'tenant',
    },
  },
});
const settings = current.logins['main']!;

/** A provider whose userinfo endpoint gives this; a number is a status without a body. */
function provider(userinfo: object | number) {
  let asked = 0;
  const config = new Configuration(
    { issuer: 'https://idp.example', userinfo_endpoint: 'https://idp.example/me' },
    'gateway',
  );
  config[customFetch] = () => {
    asked++;
    return Promise.resolve(
      typeof userinfo === 'number' ? new Response(null, { status: userinfo }) : Response.json(userinfo),
    );
  };
  return { config, asked: () => asked };
}

const answer = (claims: object | undefined, more: object = {}): TokenAnswer =>
  ({ access_token: 'a', token_type: 'bearer', claims: () => claims, ...more }) as never;
const full = { sub: 'alice', roles: ['trader'], tenant: 'acme', scope: 'openid' };
const before = { subject: 'alice', claims: { ...full, roles: ['viewer'] } };

describe('the tokens of a login', () => {
  it('have no claims that are about the ID token itself, and what was granted for a scope', async () => {
    const { config, asked } = provider(500);
    const about = { nonce: 'n', at_hash: 'h', exp: 1, jti: 'j', sid: 's', azp: 'gateway' };
    const { scope: _, ...unscoped } = full;
    const given = { scope: 'openid markets:read', expires_in: 60, id_token: 'i', refresh_token: 'r' };
    const from = Date.now();
    const tokens = await tokensOf(config, settings, answer({ ...unscoped, ...about }, given), null);
    expect(tokens).toMatchObject({ subject: 'alice', idToken: 'i', refreshToken: 'r' });
    expect(tokens.claims).toEqual({ ...full, scope: 'openid markets:read' });
    expect(tokens.accessEnd).toBeGreaterThanOrEqual(from + 60_000);
    expect(tokens.accessEnd).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(asked()).toBe(0);
  });

  it('have the scopes that were asked for where the provider does not say', async () => {
    const { sub, roles, tenant } = full;
    const { claims, accessEnd } = await tokensOf(
      provider(500).config,
      settings,
      answer({ sub, roles, tenant }),
      null,
    );
    expect([claims['scope'], accessEnd]).toEqual(['openid profile', null]);
  });

  it('are completed from userinfo, which does not overrule the ID token', async () => {
    const { config, asked } = provider({ ...full, roles: ['admin'] });
    const { claims } = await tokensOf(config, settings, answer({ sub: 'alice', roles: ['trader'] }), null);
    expect([claims['roles'], claims['tenant'], asked()]).toEqual([['trader'], 'acme', 1]);
  });

  it('are none where userinfo fails or is about somebody else, and without an ID token', async () => {
    for (const userinfo of [500, { ...full, sub: 'bob' }])
      await expect(
        tokensOf(provider(userinfo).config, settings, answer({ sub: 'alice' }), null),
      ).rejects.toThrow();
    await expect(tokensOf(provider(full).config, settings, answer(undefined), null)).rejects.toMatchObject({
      kind: 'invalid',
      code: null,
    });
  });
});

it.each(['ID token', 'userinfo'])('are none where the %s is nested absurdly deep', async (where) => {
  const deep = JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) as unknown;
  const { config } = provider({ ...full, deep });
  const own = where === 'userinfo' ? { sub: 'alice' } : { ...full, deep };
  for (const known of [null, before])
    await expect(tokensOf(config, settings, answer(own), known)).rejects.toMatchObject({
      kind: 'invalid',
      code: null,
    });
});

describe('the tokens of a refresh', () => {
  it('may come without an ID token: the claims stay', async () => {
    const { config, asked } = provider(full);
    const tokens = await tokensOf(config, settings, answer(undefined, { refresh_token: 'next' }), before);
    expect(tokens).toMatchObject({ ...before, idToken: null, refreshToken: 'next' });
    expect(asked()).toBe(0);
  });

  it('are refused where they are about somebody else', async () => {
    await expect(
      tokensOf(provider(full).config, settings, answer({ ...full, sub: 'bob' }), before),
    ).rejects.toMatchObject({ kind: 'invalid', code: 'other_subject' });
  });

  it('are kept while userinfo is away: the refresh token before them is spent', async () => {
    const tokens = await tokensOf(
      provider(503).config,
      settings,
      answer({ sub: 'alice', roles: ['new'] }, { refresh_token: 'next' }),
      before,
    );
    expect(tokens.refreshToken).toBe('next');
    expect(tokens.claims).toEqual({ ...full, roles: ['new'] });
  });
});
