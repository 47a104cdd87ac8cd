import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consumerSchema } from '../mod.ts';
import { makeApiKey } from './api-key.ts';
import {
  consumerEntryKey,
  decodeConsumer,
  decodeKey,
  encodeConsumer,
  encodeKey,
  entryOf,
  keyEntryKey,
  type StoredKey,
} from './entries.ts';
import { decodeRevocation, parseRevocationKey, revocationKey } from './revocation.ts';

const { id, hash } = makeApiKey();
const key: StoredKey = { id, consumer: 'acme', hash, name: 'ci', created: 1, expires: null, disabled: false };

describe('entries of KV `consumers`', () => {
  it('are read as they were written', () => {
    const consumer = consumerSchema.parse({ id: 'acme', roles: ['trader'], tenant: 'north' });
    expect(decodeConsumer(Buffer.from(encodeConsumer(consumer)))).toEqual(consumer);
    expect(decodeKey(Buffer.from(encodeKey(key)))).toEqual(key);
    expect(entryOf(keyEntryKey(id))).toEqual({ kind: 'key', id });
    expect(entryOf(consumerEntryKey('acme'))).toEqual({ kind: 'consumer', id: 'acme' });
    expect(entryOf('other.thing')).toBeNull();
  });

  it.each([
    ['no JSON', '{'],
    ['a member too many', JSON.stringify({ ...key, secret: 'x' })],
    ['a hash that is none', JSON.stringify({ ...key, hash: 'abc' })],
    ['no word about being disabled', JSON.stringify({ ...key, disabled: undefined })],
    ['a time that is none', JSON.stringify({ ...key, expires: 'soon' })],
  ])('are refused with %s', (_what, text) => {
    expect(() => decodeKey(Buffer.from(text))).toThrow();
  });

  it('are read from a view of a larger buffer', () => {
    const text = Buffer.from(`xx${encodeKey(key)}yy`);
    expect(decodeKey(new Uint8Array(text.buffer, text.byteOffset + 2, text.length - 4))).toEqual(key);
  });
});

describe('revocations', () => {
  it('have keys that any id fits into, and that say what they are about', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(fc.constantFrom('jti' as const, 'subject' as const), text, text, (kind, source, id) => {
        fc.pre(source.length <= 64 && id.length <= 512);
        const made = revocationKey({ kind, source, id });
        expect(made).toMatch(/^(?:jti|subject)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
        expect(parseRevocationKey(made)).toEqual({ kind, source, id });
      }),
    );
    expect(() => revocationKey({ kind: 'jti', source: 'a', id: '' })).toThrow(RangeError);
    expect(() => revocationKey({ kind: 'jti', source: 'a', id: 'x'.repeat(513) })).toThrow(RangeError);
    for (const other of ['jti.a', 'jti..b', 'issuer.a.b', 'jti.a.b.c'])
      expect(parseRevocationKey(other)).toBeNull();
  });

  it('have a time', () => {
    const entry = { at: 5, until: null, reason: 'lost laptop' };
    expect(decodeRevocation(Buffer.from(JSON.stringify(entry)))).toEqual(entry);
    expect(() => decodeRevocation(Buffer.from('{}'))).toThrow(/at/);
  });
});
