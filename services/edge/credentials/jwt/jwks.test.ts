import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSigningKey } from '@sluice/testing';
import { candidates, parseKeySet } from './jwks.ts';

const ec = makeSigningKey('ec').jwk;
const rsa = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }),
  kid: 'rsa',
};
const set = (...keys: unknown[]): string => JSON.stringify({ keys });

describe('a key set', () => {
  it('gives the keys that can check signatures, and leaves the others out', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const others = [
      { ...rsa, use: 'enc' },
      { ...rsa, key_ops: ['encrypt'] },
      weak,
      { kty: 'AKP', kid: 'future', pub: 'AAAA' },
      { ...ec, x: 'AAAA' },
      'text',
      null,
    ];
    expect(parseKeySet(set(...others, ec, rsa)).map(({ id }) => id)).toEqual(['ec', 'rsa']);
  });

  it('gives the same object for a key that was known', () => {
    const [first] = parseKeySet(set(ec));
    const members = Object.fromEntries(Object.entries(ec).toReversed());
    expect(parseKeySet(set(rsa, members), [first!])[1]).toBe(first);
  });

  it.each<[what: string, text: string]>([
    ['a private key', set(ec, { ...ec, d: 'AAAA' })],
    ...['p', 'q', 'dp', 'dq', 'qi', 'oth'].map((member): [string, string] => [
      `${member}, a private member of RSA`,
      set(ec, { ...rsa, [member]: 'AAAA' }),
    ]),
    ['a symmetric key', set(ec, { kty: 'oct', kid: 'hmac' })],
    ['the bytes of a symmetric key', set(ec, { kty: 'EC', k: 'AAAA' })],
    ['no key', set()],
    ['no usable key', set({ ...ec, use: 'enc' })],
    ['too many keys', set(...Array.from({ length: 101 }, () => ec))],
    ['no list', '{"keys":{}}'],
    ['no object', '[]'],
    ['no JSON', '<html>'],
  ])('is refused whole with %s', (_what, text) => {
    expect(() => parseKeySet(text)).toThrow();
  });

  it('of any shape ends in a refusal or in keys, never in anything else', () => {
    const base64url = fc
      .uint8Array({ maxLength: 66 })
      .map((bytes) => Buffer.from(bytes).toString('base64url'));
    const member = fc.oneof(fc.jsonValue(), base64url);
    // Of a type that there is, or nothing of it would ever come to the parser of keys.
    const key = fc.record(
      {
        kty: fc.constantFrom('EC', 'RSA', 'OKP'),
        crv: fc.constantFrom('P-256', 'P-384', 'Ed25519', 'X25519', 'none'),
        ...Object.fromEntries(['n', 'e', 'x', 'y', 'kid', 'alg', 'use'].map((name) => [name, member])),
      },
      { requiredKeys: ['kty'] },
    );
    fc.assert(
      fc.property(fc.array(key, { minLength: 1 }), (keys) => {
        const ids = parseKeySet(set(...keys, ec)).map(({ id }) => id);
        expect(ids.at(-1)).toBe('ec');
      }),
      { numRuns: 200 },
    );
  });
});

describe('candidates for a signature', () => {
  const bound = { ...rsa, kid: 'bound', alg: 'RS256' };
  const keys = parseKeySet(set(ec, rsa, bound, { ...ec, kid: 'other', alg: undefined }));
  const ids = (algorithm: string, kid: string | null) => candidates(keys, algorithm, kid).map(({ id }) => id);

  it('fit algorithm, type, curve and key id', () => {
    expect(ids('ES256', 'ec')).toEqual(['ec']);
    expect(ids('ES256', null)).toEqual(['ec', 'other']);
    expect(ids('RS256', null)).toEqual(['rsa', 'bound']);
    expect(ids('PS256', null)).toEqual(['rsa']);
    expect(ids('PS256', 'bound')).toEqual([]);
    expect(ids('ES384', null)).toEqual([]);
    expect(ids('ES256', 'nobody')).toEqual([]);
    for (const algorithm of ['none', 'HS256', 'constructor', '']) expect(ids(algorithm, null)).toEqual([]);
  });
});
