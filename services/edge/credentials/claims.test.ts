import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gatewaySchema, grants } from '@sluice/policy';
import { claimAt, claimedCaller, type ClaimRules, type Claims } from './claims.ts';

const granted = grants(gatewaySchema.parse({ roles: { lead: { includes: ['trader'] } } }));
const plain: ClaimRules = { subject_claim: 'sub', roles_claim: 'roles', scopes_claim: 'scope' };
const callerOf = (claims: Claims, rules: Partial<ClaimRules> = {}) =>
  claimedCaller({
    method: 'jwt',
    source: 'idp',
    rules: { ...plain, ...rules },
    claims,
    granted,
    expiresAt: null,
  });

describe('claims within claims', () => {
  const nested = (levels: number) => JSON.parse('{"a":['.repeat(levels) + ']}'.repeat(levels)) as unknown;

  it('may have 32 levels, with the claims themselves', () => {
    expect(callerOf({ sub: 's', list: [nested(15)] }).identity.subject).toBe('s');
    for (const levels of [16, 100, 5_000])
      expect(() => callerOf({ sub: 's', x: nested(levels) })).toThrow('32 levels deep');
  });
});

describe('a claim by its path', () => {
  const claims = { a: { b: ['x'], 'c.d': 1 }, 'https://x.test/roles': ['y'], 'a.b': 'whole' };

  it('is found in objects, and under a name that has dots of its own', () => {
    expect(claimAt(claims, 'https://x.test/roles')).toEqual(['y']);
    expect(claimAt(claims, 'a.b')).toBe('whole');
    expect(claimAt({ a: claims.a }, 'a.b')).toEqual(['x']);
    expect(claimAt(claims, 'a.c.d')).toBeUndefined();
    expect(claimAt(claims, 'a.b.0')).toBeUndefined();
  });

  it('is never something that objects inherit', () => {
    const inherited = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'length'];
    const part = fc.constantFrom(...inherited, 'a');
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const found = claimAt({ a: { a: 'text' } }, parts.join('.'));
        expect(found === undefined || parts.every((each) => each === 'a')).toBe(true);
      }),
    );
    const own = JSON.parse('{"__proto__":{"roles":["admin"]}}') as Claims;
    expect(claimAt(own, 'roles')).toBeUndefined();
    expect(callerOf({ ...own, sub: 's' }).identity.roles).toEqual([]);
  });
});

describe('a caller by its claims', () => {
  it('has names from lists and from texts, and those that roles include', () => {
    const { identity } = callerOf({ sub: 's', roles: 'lead guest', scope: ['a:b', 'c d'] });
    expect(identity).toMatchObject({ roles: ['guest', 'lead', 'trader'], scopes: ['a:b', 'c d'] });
  });

  it('has nothing from claims that are something else, and no more names than anybody needs', () => {
    for (const roles of [7, null, { admin: true }, [['admin']], [null], '   '])
      expect(callerOf({ sub: 's', roles }).identity.roles).toEqual([]);
    const many = Array.from({ length: 1_000 }, (_, n) => `r${n}`);
    expect(callerOf({ sub: 's', roles: many }).identity.roles).toHaveLength(256);
  });

  it('is not one of the gateway’s own roles by its issuer’s word, only by a map', () => {
    expect(callerOf({ sub: 's', roles: ['admin', 'viewer'] }).identity.roles).toEqual([]);
    const mapped = callerOf({ sub: 's', roles: ['ops'] }, { role_map: { ops: 'admin' } });
    expect(mapped.identity.roles).toEqual(['admin', 'viewer']);
  });

  it('has a time only where the token says one', () => {
    expect(callerOf({ sub: 's', iat: 5 }).issuedAt).toBe(5_000);
    for (const iat of ['5', null, undefined]) expect(callerOf({ sub: 's', iat }).issuedAt).toBeNull();
  });

  it('is nobody without a plain subject', () => {
    for (const sub of ['', 'a\nb', 'a\u0000', '\u2028', 'x'.repeat(513), '\ud800', 5, null, ['s']])
      expect(() => callerOf({ sub }), JSON.stringify(sub)).toThrow(TypeError);
    expect(callerOf({ sub: 'auth0|Zoë "x"\\y' }).identity.subject).toBe('auth0|Zoë "x"\\y');
  });
});
