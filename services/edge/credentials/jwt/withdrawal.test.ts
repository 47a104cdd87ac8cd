import type * as Jose from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TokenIssuer } from '@sluice/testing';
import { bearer, invalidToken, outcome } from '../testing/credentials.ts';
import { jwtKit, rulesOf } from '../testing/jwt-kit.ts';

/** Holds back the next signature that is found to be good, until `go`. */
const gate = vi.hoisted(() => ({ held: null as PromiseWithResolvers<void> | null, go: () => {} }));
vi.mock('jose', async (original) => {
  const jose = await original<typeof Jose>();
  const jwtVerify = async (...args: Parameters<typeof jose.jwtVerify>) => {
    const verified = await jose.jwtVerify(...args);
    const { held } = gate;
    gate.held = null;
    if (held !== null) {
      const going = new Promise<void>((go) => (gate.go = go));
      held.resolve();
      await going;
    }
    return verified;
  };
  return { ...jose, jwtVerify };
});

const { issuer, method, close } = jwtKit();
afterEach(close);

let idp: TokenIssuer;
beforeEach(async () => {
  idp = await issuer();
});

/** How a token fares that is verified while `meanwhile` happens. */
async function verified(token: string, of: Judge, meanwhile: () => unknown): Promise<unknown> {
  gate.held = Promise.withResolvers<void>();
  const { promise } = gate.held;
  const answer = outcome(() => of.made.verify(bearer(token)));
  await promise;
  await meanwhile();
  gate.go();
  return answer;
}
type Judge = Awaited<ReturnType<typeof method>>;

describe('a token that is being verified', () => {
  it('is refused when its key is withdrawn meanwhile, then and afterwards', async () => {
    const of = await method({ issuers: { idp: rulesOf(idp) } });
    const [stolen, once] = [idp.token({ sub: 'thief' }), idp.token({ sub: 'another' })];
    await of.judge(once);
    const withdraw = async (): Promise<void> => {
      idp.rotate({ keepOld: false });
      expect(await of.judge(idp.token({ sub: 'owner' }))).toMatchObject({ method: 'jwt' });
    };
    expect(await verified(stolen, of, withdraw)).toEqual(invalidToken);
    expect(await of.judge(stolen)).toEqual(invalidToken);
    expect(await of.judge(once)).toEqual(invalidToken);
  });

  it('stays good when other keys come meanwhile, and costs no second look', async () => {
    const of = await method({ issuers: { idp: rulesOf(idp) } });
    const token = idp.token();
    const add = async (): Promise<void> => {
      idp.rotate();
      await of.judge(idp.token({ sub: 'owner' }));
    };
    expect(await verified(token, of, add)).toMatchObject({ method: 'jwt' });
    expect(of.cached(token)).toBe(true);
  });

  it('is refused when its issuer leaves the document meanwhile, or believes less', async () => {
    const of = await method({ issuers: { idp: rulesOf(idp) } });
    const less = rulesOf(idp, { audience: ['https://another.test'] });
    expect(await verified(idp.token(), of, () => of.documents.set({ issuers: { idp: less } }))).toEqual(
      invalidToken,
    );
    of.documents.set({ issuers: { idp: rulesOf(idp) } });
    expect(await verified(idp.token(), of, () => of.documents.set({}))).toEqual(invalidToken);
  });

  it('names whom the document says by then', async () => {
    const of = await method({ issuers: { idp: rulesOf(idp) } });
    const renamed = rulesOf(idp, { roles_claim: 'groups' });
    const token = idp.token({ groups: ['desk'] });
    expect(await verified(token, of, () => of.documents.set({ issuers: { other: renamed } }))).toMatchObject({
      source: 'other',
      identity: { roles: ['desk'] },
    });
  });
});
