import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FieldValueError, httpToNats, natsToHttp, percentComplete, percentEncode } from './field-value.ts';

describe('a parameter', () => {
  test.each([
    ['BTC-USDT', 'BTC-USDT'],
    ['a b/c:d?e', 'a b/c:d?e'],
    ['100%', '100%25'],
    [' edge ', '%20edge%20'],
    ['Zürich', 'Z%C3%BCrich'],
    ['a\r\nSluice-Subject: root', 'a%0D%0ASluice-Subject: root'],
    ['\u0000', '%00'],
    ['', ''],
  ])('%j travels as %j', (value, encoded) => expect(percentEncode(value)).toBe(encoded));

  test('comes back from any percent-decoder, and is always one line of ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (value) => {
        const encoded = percentEncode(value);
        expect(encoded).toMatch(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/);
        expect(decodeURIComponent(encoded)).toBe(value);
      }),
    );
  });

  test('with half a surrogate pair does not throw', () => {
    expect(percentEncode('\ud800')).toBe('%EF%BF%BD');
  });
});

test('text that is encoded already is not encoded twice', () => {
  expect(percentComplete('/a%20b/ü')).toBe('/a%20b/%C3%BC');
  expect(percentComplete('q=a b')).toBe('q=a%20b');
});

describe('a field value', () => {
  test('of UTF-8 bytes is UTF-8 in NATS and the same bytes again in HTTP', () => {
    const fromHttp = Buffer.from('Zürich').toString('latin1');
    expect(httpToNats('x', fromHttp)).toBe('Zürich');
    expect(natsToHttp('x', 'Zürich')).toBe(fromHttp);
  });

  test('of other bytes is read as ISO 8859-1', () => {
    expect(httpToNats('x', 'Z\u00fcrich')).toBe('Zürich');
  });

  test.each(['a\nb', 'a\rb', 'a\u0000b', '\u007f'])('%j is refused both ways', (value) => {
    expect(() => httpToNats('x', value)).toThrow(FieldValueError);
    expect(() => natsToHttp('x', value)).toThrow(FieldValueError);
  });

  test('may hold tabs', () => {
    expect(httpToNats('x', 'a\tb')).toBe('a\tb');
  });
});
