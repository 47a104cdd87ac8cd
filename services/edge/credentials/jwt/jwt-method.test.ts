import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type GatewayInput } from '@sluice/policy';
import { makeSigningKey } from '@sluice/testing';
import { bearer, invalidToken, outcome } from '../testing/credentials.ts';
import { jwtKit, rulesOf, seconds, type IssuerInput } from '../testing/jwt-kit.ts';

const { issuer, method, close } = jwtKit();
afterEach(close);

it('a thousand tokens may be under way; the next one is 503 instead of waiting', async () => {
  const { made, judge } = await method({});
  const waiting = Array.from({ length: 1_000 }, (_, n) =>
    outcome(() => made.verify(bearer(`ey${n}.e30.AA`))),
  );
  expect(await judge('ey.one.more')).toMatchObject({ code: 'unavailable' });
  for (const answer of await Promise.all(waiting)) expect(answer).toEqual(invalidToken);
  expect(await judge('ey.one.more')).toEqual(invalidToken);
});

describe('a good token', () => {
  it('names its caller, and costs no promise the second time', async () => {
    const idp = await issuer();
    const { made, judge } = await method({ issuers: { idp: rulesOf(idp) } });
    const now = seconds();
    const token = idp.token({
      scope: 'markets:read markets:write',
      roles: ['trader'],
      jti: 'j1',
      iat: now,
      exp: now + 60,
    });
    expect(made.present(bearer(token))).toBe(true);
    const caller = await judge(token);
    expect(caller).toMatchObject({
      identity: {
        subject: 'user-1',
        kind: 'jwt',
        roles: ['trader'],
        scopes: ['markets:read', 'markets:write'],
        tenant: null,
      },
      method: 'jwt',
      source: 'idp',
      key: null,
      consumer: null,
      tokenId: 'j1',
      issuedAt: now * 1_000,
      // The end includes the tolerance: what is accepted and what ends a live connection agree.
      expiresAt: (now + 120) * 1_000,
    });
    expect(made.verify(bearer(token))).toBe(caller);
    expect(made.verify({ ...bearer(token), authorization: `bearer  ${token}` })).toBe(caller);
  });

  it('is verified once, however many ask', async () => {
    const idp = await issuer();
    const { made } = await method({ issuers: { idp: rulesOf(idp) } });
    const token = idp.token();
    const callers = await Promise.all(Array.from({ length: 50 }, async () => made.verify(bearer(token))));
    expect(new Set(callers).size).toBe(1);
  });

  it('may come from any of several issuers, each with its own keys, audiences and claims', async () => {
    const [a, b, c] = [await issuer('a'), await issuer('b'), await issuer('c')];
    const { judge } = await method({
      issuers: {
        a: rulesOf(a, {
          roles_claim: 'realm_access.roles',
          subject_claim: 'email',
          tenant_claim: 'https://a.test/tenant',
        }),
        b: rulesOf(b, { audience: ['other', 'more'], role_map: { Händler: 'trader' } }),
        c: rulesOf(c, { audience: ['third'], consumer_claim: 'azp' }),
      },
      roles: {
        trader: { includes: ['reader'], scopes: ['markets:write'] },
        reader: { scopes: ['markets:read'] },
      },
    });
    const ofA = a.token({
      email: 'a@b.test',
      realm_access: { roles: ['trader', 'admin'] },
      'https://a.test/tenant': 'north',
    });
    expect(await judge(ofA)).toMatchObject({
      source: 'a',
      // `admin` is a role of the gateway's own: only a map may give it.
      identity: {
        subject: 'a@b.test',
        roles: ['reader', 'trader'],
        scopes: ['markets:read', 'markets:write'],
        tenant: 'north',
      },
    });
    const ofB = b.token({ aud: ['x', 'more'], roles: ['Händler', 'reader', 'constructor', '__proto__'] });
    expect(await judge(ofB)).toMatchObject({ source: 'b', identity: { roles: ['reader', 'trader'] } });
    expect(await judge(c.token({ aud: 'third', azp: 'acme' }))).toMatchObject({
      source: 'c',
      consumer: 'acme',
    });
    expect(await judge(c.token({ aud: 'third', azp: 'a b' }))).toMatchObject({
      source: 'c',
      consumer: null,
    });
    // Keys of one issuer do not vouch for another.
    expect(await judge(a.token({ iss: b.issuer, aud: 'other', email: 'x' }))).toEqual(invalidToken);
  });
});

describe('a bad token', () => {
  it.each<[string, (now: number) => Record<string, unknown>]>([
    ['has expired', (now) => ({ exp: now - 61 })],
    ['is not valid yet', (now) => ({ nbf: now + 70 })],
    ['has no end', () => ({ exp: undefined })],
    ['has an end that is a text', (now) => ({ exp: String(now + 60) })],
    ['was issued in the future', (now) => ({ iat: now + 70 })],
    ['has no beginning', () => ({ nbf: undefined })],
    ['has no audience', () => ({ aud: undefined })],
    ['is for somebody else', () => ({ aud: ['https://elsewhere.test'] })],
    ['has no issuer', () => ({ iss: undefined })],
    ['is of an issuer that nobody knows', () => ({ iss: 'https://issuer.test/' })],
    ['has no subject', () => ({ sub: undefined })],
    ['has a subject that is no text', () => ({ sub: 7 })],
    ['has a subject with a line break', () => ({ sub: 'a\r\nSluice-Subject: b' })],
    ['lacks a required claim', () => ({ plan: undefined })],
    ['has an id that could not be revoked', () => ({ jti: 'x'.repeat(513) })],
  ])('%s', async (_what, claims) => {
    const idp = await issuer();
    const { judge } = await method({ issuers: { idp: rulesOf(idp, { required_claims: ['plan'] }) } });
    expect(await judge(idp.token({ plan: 'gold' }))).toMatchObject({ method: 'jwt' });
    expect(await judge(idp.token({ plan: 'gold', ...claims(seconds()) }))).toEqual(invalidToken);
  });

  it('is taken within the tolerance of a minute', async () => {
    const idp = await issuer();
    const { judge } = await method({ issuers: { idp: rulesOf(idp) } });
    expect(await judge(idp.token({ exp: seconds() - 30 }))).toMatchObject({ method: 'jwt' });
    expect(await judge(idp.token({ nbf: seconds() + 30 }))).toMatchObject({ method: 'jwt' });
    expect(await judge(idp.token({ iat: seconds() + 30 }))).toMatchObject({ method: 'jwt' });
  });

  it('tries an algorithm that the issuer does not use: none, a symmetric one, another curve', async () => {
    const idp = await issuer();
    const { judge } = await method({ issuers: { idp: rulesOf(idp, { algorithms: ['ES256', 'RS256'] }) } });
    const [, claims = ''] = idp.token().split('.');
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = (header: object): string => `${part(header)}.${claims}`;
    expect(await judge(`${unsigned({ alg: 'none' })}.`)).toEqual(invalidToken);
    expect(await judge(`${unsigned({ alg: 'none' })}.AAAA`)).toEqual(invalidToken);
    // The public key as the secret of an HMAC: the classic (RFC 8725 section 2.1).
    for (const secret of [JSON.stringify(idp.signing.jwk), String(idp.signing.jwk['x'])]) {
      const signed = unsigned({ alg: 'HS256', kid: idp.signing.id });
      expect(
        await judge(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`),
      ).toEqual(invalidToken);
    }
    for (const alg of ['ES384', 'RS256', 'PS256', 'EdDSA', 'ES256K', 'toString'])
      expect(await judge(idp.token({}, { header: { alg } })), alg).toEqual(invalidToken);
    expect(await judge(idp.token({}, { header: { crit: ['b64'], b64: false } }))).toEqual(invalidToken);
    // A key that the token brings along is nobody's.
    const own = makeSigningKey('own');
    expect(
      await judge(idp.token({}, { key: own, header: { jwk: own.jwk, jku: 'https://evil.test' } })),
    ).toEqual(invalidToken);
    expect(await judge(idp.token({}, { key: own, header: { kid: idp.signing.id } }))).toEqual(invalidToken);
  });

  it('is any other text, and none of them is an error of ours', async () => {
    const idp = await issuer();
    const { made, judge } = await method({ issuers: { idp: rulesOf(idp) } });
    const good = idp.token();
    const place = fc.integer({ min: 0, max: good.length - 2 });
    const mangled = fc
      .tuple(place, fc.constantFrom(...Array.from('ABCDefgh0189-_.{" ')))
      .map(([at, letter]) => good.slice(0, at) + letter + good.slice(at + 1))
      // The last character of a part holds spare bits: another one can be the same signature.
      .filter(
        (token) =>
          token !== good && Buffer.from(token, 'base64url').compare(Buffer.from(good, 'base64url')) !== 0,
      );
    const partly = fc
      .tuple(fc.json(), fc.json())
      .map(
        ([header, claims]) =>
          `${Buffer.from(header).toString('base64url')}.${Buffer.from(claims).toString('base64url')}.AAAA`,
      );
    const anything = fc.string({ unit: 'binary', maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(mangled, partly, anything), async (token) => {
        made.present(bearer(token));
        expect(await judge(token)).toEqual(invalidToken);
      }),
      { numRuns: 400 },
    );
    expect(await judge(`${good}${'A'.repeat(20_000)}`)).toEqual(invalidToken);
  });
});

describe('the cache of verified tokens', () => {
  it('is bounded in number and in bytes', async () => {
    const idp = await issuer();
    const byCount = await method({ issuers: { idp: rulesOf(idp) } }, { tokenCache: 2 });
    const tokens = ['a', 'b', 'c'].map((sub) => idp.token({ sub }));
    for (const token of tokens) await byCount.judge(token);
    expect(tokens.map(byCount.cached)).toEqual([false, true, true]);
    const byBytes = await method({ issuers: { idp: rulesOf(idp) } }, { tokenCacheBytes: 15_000 });
    const large = ['d', 'e'].map((sub) => idp.token({ sub, filler: 'x'.repeat(1_500) }));
    for (const token of large) await byBytes.judge(token);
    expect(large.map(byBytes.cached)).toEqual([false, true]);
  });

  it('follows the document: roles at once, verification only where the issuer’s terms have changed', async () => {
    const [a, b] = [await issuer('a'), await issuer('b')];
    const document = (role: string[], more: Partial<IssuerInput> = {}): GatewayInput => ({
      issuers: { a: rulesOf(a, more), b: rulesOf(b) },
      roles: { trader: { scopes: role } },
    });
    const { made, documents, judge, cached } = await method(document(['one']));
    const [ofA, ofB] = [a.token({ roles: ['trader'] }), b.token()];
    const before = await judge(ofA);
    await judge(ofB);
    documents.set(document(['two']));
    expect(cached(ofA)).toBe(true);
    expect(await judge(ofA)).toMatchObject({ identity: { scopes: ['two'] } });
    expect(made.current?.(before as never)).toMatchObject({ identity: { scopes: ['two'] } });
    expect(a.requests).toBe(1);

    documents.set(document(['two'], { audience: ['elsewhere'] }));
    expect(await judge(ofA)).toEqual(invalidToken);
    expect(made.current?.(before as never)).toBeNull();
    expect(cached(ofB)).toBe(true);
    documents.set({});
    expect(await judge(ofB)).toEqual(invalidToken);
  });
});
