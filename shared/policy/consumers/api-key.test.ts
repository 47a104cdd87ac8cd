import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apiKeyId, apiKeyLength, apiKeyPrefix, hashApiKey, makeApiKey, parseApiKey } from './api-key.ts';

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

describe('the text of an API key', () => {
  it('is read back as it was made, and is never the same twice', () => {
    const keys = Array.from({ length: 500 }, () => makeApiKey());
    for (const { id, text, hash } of keys) {
      expect(text).toMatch(/^slk_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
      expect(text.length).toBe(apiKeyLength);
      expect(parseApiKey(text)).toEqual({ id });
      expect(apiKeyId(text)).toBe(id);
      expect(hashApiKey(text)).toBe(hash);
    }
    expect(new Set(keys.map(({ id }) => id)).size).toBe(keys.length);
    expect(new Set(keys.map(({ text }) => text.slice(17, 60))).size).toBe(keys.length);
  });

  it('is what other programs compute: CRC-32 and SHA-256 of a text that is written here', () => {
    const start = `slk_000000000000_${'A'.repeat(43)}`;
    // Worked out with zlib of Python: crc32 is 0x3E695300, in base 62 18rTv6.
    expect(parseApiKey(`${start}_18rTv6`)).toEqual({ id: '000000000000' });
    expect(hashApiKey('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  });

  it('shows every mistyped, swapped, lost and added character', () => {
    const { text } = makeApiKey();
    const place = fc.integer({ min: apiKeyPrefix.length, max: text.length - 1 });
    const mistyped = fc
      .tuple(place, fc.constantFrom(...Array.from(base62)))
      .map(([at, letter]) => text.slice(0, at) + letter + text.slice(at + 1));
    const swapped = place.map((at) => text.slice(0, at - 1) + text[at] + text[at - 1] + text.slice(at + 1));
    const lost = place.map((at) => text.slice(0, at) + text.slice(at + 1));
    const added = fc
      .tuple(place, fc.constantFrom(...Array.from(base62)))
      .map(([at, letter]) => text.slice(0, at) + letter + text.slice(at));
    fc.assert(
      fc.property(fc.oneof(mistyped, swapped, lost, added), (other) => {
        expect(parseApiKey(other) === null).toBe(other !== text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is nothing else', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 200 }),
          fc.string({ minLength: 63, maxLength: 63 }).map((rest) => `slk_${rest}`),
        ),
        (text) => {
          expect(parseApiKey(text)).toBeNull();
        },
      ),
      { numRuns: 1_000 },
    );
    for (const text of [
      '',
      'slk_',
      ` ${makeApiKey().text}`,
      `${makeApiKey().text}\n`,
      makeApiKey().text.toUpperCase(),
    ])
      expect(parseApiKey(text)).toBeNull();
  });
});
