import { describe, expect, it, test } from 'vitest';
import { cookieName, cookieValue, setCookie } from './cookies.ts';
import { parseSealKeys, seal, unseal, type SealKey } from './seal.ts';

describe('a cookie is found', () => {
  it.each([
    ['a=1', '1'],
    ['a=1; b=2', '1'],
    ['b=2; a=1', '1'],
    ['b=2;a=1;c=3', '1'],
    ['xa=0; a=1', '1'],
    ['b=a=0; a=1', '1'],
    ['a=1; a=2', '1'],
    ['a=', ''],
    ['a=x=y', 'x=y'],
  ])('in %s', (field, value) => expect(cookieValue(field, 'a')).toBe(value));

  it.each([null, '', 'b=1', 'xa=1', 'ab=1', 'a', 'b="a=1"', 'b=; xa=a=1'])('not in %s', (field) =>
    expect(cookieValue(field, 'a')).toBeNull(),
  );
});

test('a cookie larger than browsers keep is an error, not a silence', () => {
  const rules = { secure: true, sameSite: 'strict', maxAgeS: 60 } as const;
  expect(setCookie(cookieName('a', true), 'x', rules)).toBe(
    '__Host-a=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure',
  );
  expect(() => setCookie('a', 'x'.repeat(4_096), rules)).toThrow(RangeError);
});

describe('keys', () => {
  const bytes = Buffer.alloc(32, 7);

  it.each([bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')])(
    'are read from %s',
    (text) => expect(Buffer.from(parseSealKeys(text)[0]!.bytes)).toEqual(bytes),
  );

  it('are two at most, the first of which seals', async () => {
    const [first, second] = parseSealKeys(`${'a'.repeat(64)}, ${'b'.repeat(64)}`) as [SealKey, SealKey];
    expect(await unseal(await seal({ x: 1 }, first), [second, first])).toEqual({ x: 1 });
    expect(await unseal(await seal({ x: 1 }, first), [second])).toBeNull();
    expect(() => parseSealKeys(Array(3).fill('a'.repeat(64)).join())).toThrow('more than two');
  });

  it.each(['', 'secret-but-short', 'z'.repeat(64), 'a'.repeat(62), ','])(
    '%j is none, and no part of it is said',
    (text) => {
      expect(() => parseSealKeys(text)).toThrow(/^cookie_key is not 32 bytes in hex or base64$/);
    },
  );

  it('open nothing that another algorithm has sealed', async () => {
    const [key] = parseSealKeys('a'.repeat(64)) as [SealKey];
    const [, ...rest] = (await seal({ x: 1 }, key)).split('.');
    for (const header of [
      { alg: 'none', kid: key.id },
      { alg: 'dir', enc: 'A128CBC-HS256', kid: key.id },
      { alg: 'PBES2-HS256+A128KW', enc: 'A256GCM', kid: key.id, p2c: 1e9, p2s: 'AAAA' },
    ]) {
      const text = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.');
      expect(await unseal(text, [key])).toBeNull();
    }
  });
});
