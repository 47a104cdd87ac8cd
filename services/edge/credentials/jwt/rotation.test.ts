import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { until, makeSigningKey, testAudience } from '@sluice/testing';
import { bearer, invalidToken } from '../testing/credentials.ts';
import { jwtKit, rulesOf, seconds } from '../testing/jwt-kit.ts';

const { issuer, method, close } = jwtKit();
afterEach(close);

describe('rotation of keys', () => {
  it('fails no request: a new key is looked for once, whoever asks, and then not again for a while', async () => {
    const idp = await issuer();
    const { made, judge } = await method({ issuers: { idp: rulesOf(idp) } });
    await judge(idp.token());
    expect(idp.requests).toBe(1);
    idp.rotate();
    const fresh = Array.from({ length: 20 }, async (_, n) =>
      made.verify(bearer(idp.token({ sub: `u${n}` }))),
    );
    for (const caller of await Promise.all(fresh)) expect(caller.method).toBe('jwt');
    expect(idp.requests).toBe(2);
    const unknown = makeSigningKey('unknown');
    for (let n = 0; n < 20; n++)
      expect(await judge(idp.token({ sub: `x${n}` }, { key: unknown }))).toEqual(invalidToken);
    expect(idp.requests).toBe(2);
  });

  it('is looked for again when the cooldown is over', async () => {
    const idp = await issuer();
    const jwks = { url: idp.jwksUrl, cooldown: '1s' };
    const { judge } = await method({ issuers: { idp: rulesOf(idp, { jwks }) } });
    const unknown = makeSigningKey('unknown');
    await until(async () => {
      expect(await judge(idp.token({}, { key: unknown }))).toEqual(invalidToken);
      return idp.requests >= 3;
    });
    idp.rotate();
    await until(async () => ((await judge(idp.token())) as { method?: string }).method === 'jwt');
  });

  it('keeps what was verified with a key that stays, and not with one that goes', async () => {
    const idp = await issuer();
    const jwks = { url: idp.jwksUrl, cooldown: '1s' };
    const { made, judge, cached, changes } = await method({ issuers: { idp: rulesOf(idp, { jwks }) } });
    const old = idp.token({ sub: 'old' });
    const caller = await judge(old);
    idp.rotate();
    expect(await judge(idp.token({ sub: 'new' }))).toMatchObject({ method: 'jwt' });
    expect(cached(old)).toBe(true);
    const seen = changes();
    idp.rotate({ keepOld: false });
    await until(async () => ((await judge(idp.token())) as { method?: string }).method === 'jwt');
    expect(changes()).toBe(seen + 1);
    expect(made.current?.(caller as never)).toBeNull();
    expect(await judge(old)).toEqual(invalidToken);
  });

  it('works for tokens that do not name their key', async () => {
    const idp = await issuer();
    const { judge } = await method({ issuers: { idp: rulesOf(idp) } });
    const nameless = { header: { kid: undefined } };
    expect(await judge(idp.token({}, nameless))).toMatchObject({ method: 'jwt' });
    idp.rotate();
    expect(await judge(idp.token({}, nameless))).toMatchObject({ method: 'jwt' });
  });

  it('knows RSA and Ed25519 too', async () => {
    const idp = await issuer();
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const ed = generateKeyPairSync('ed25519');
    idp.published = [
      ...idp.published,
      { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' },
      { ...ed.publicKey.export({ format: 'jwk' }), kid: 'ed' },
    ];
    const { judge } = await method({
      issuers: { idp: rulesOf(idp, { algorithms: ['RS256', 'PS384', 'EdDSA'] }) },
    });
    const { SignJWT } = await import('jose');
    const now = seconds();
    const claims = { iss: idp.issuer, aud: testAudience, sub: 's', nbf: now, exp: now + 60 };
    const sign = (alg: string, kid: string, key: typeof rsa.privateKey) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(key);
    for (const token of [
      await sign('RS256', 'rsa', rsa.privateKey),
      await sign('PS384', 'rsa', rsa.privateKey),
      await sign('EdDSA', 'ed', ed.privateKey),
    ])
      expect(await judge(token)).toMatchObject({ identity: { subject: 's' } });
    expect(await judge(await sign('RS512', 'rsa', rsa.privateKey))).toEqual(invalidToken);
    expect(await judge(idp.token())).toEqual(invalidToken);
  });
});

describe('a key server that is away', () => {
  it('takes nothing from its tokens when the document says something else about it', async () => {
    const idp = await issuer();
    const { documents, judge, cached } = await method({ issuers: { idp: rulesOf(idp) } });
    const token = idp.token();
    await judge(token);
    await idp.listen(false);
    const jwks = { url: idp.jwksUrl, refresh: '1h', cooldown: '1s' };
    documents.set({ issuers: { idp: rulesOf(idp, { jwks, roles_claim: 'groups' }) } });
    expect(cached(token)).toBe(true);
    expect(await judge(idp.token({ groups: ['x'] }))).toMatchObject({ identity: { roles: ['x'] } });
  });

  it('takes nothing from tokens whose keys are known', async () => {
    const idp = await issuer();
    const { judge, reports } = await method({
      issuers: { idp: rulesOf(idp, { jwks: { url: idp.jwksUrl, cooldown: '1s' } }) },
    });
    await judge(idp.token());
    await idp.listen(false);
    const stranger = makeSigningKey('stranger');
    await until(async () => {
      expect(await judge(idp.token({}, { key: stranger }))).toEqual(invalidToken);
      return reports.some((line) => line.includes('1 keys of the last good one stay'));
    });
    expect(await judge(idp.token({ sub: 'somebody else' }))).toMatchObject({ method: 'jwt' });
  });

  it('is 503 only for tokens of an issuer whose keys were never read, until they are', async () => {
    const [idp, other] = [await issuer('away'), await issuer('here')];
    await idp.listen(false);
    const { judge } = await method({ issuers: { idp: rulesOf(idp), other: rulesOf(other) } });
    expect(await judge(idp.token())).toMatchObject({ code: 'unavailable' });
    expect(await judge(other.token())).toMatchObject({ method: 'jwt' });
    await idp.listen(true);
    await until(async () => ((await judge(idp.token())) as { method?: string }).method === 'jwt');
  });
});
