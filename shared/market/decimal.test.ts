import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalPositive, formatDecimal, numberText, parseDecimal } from './decimal.ts';

const most = 10n ** 36n - 1n;

describe('decimals', () => {
  it('come back as they were, whatever zeros stand around them', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -most, max: most }),
        fc.nat({ max: 5 }),
        fc.nat({ max: 5 }),
        (units, before, after) => {
          const text = formatDecimal(units);
          expect(parseDecimal(text)).toBe(units);
          const [sign, digits] = text.startsWith('-') ? ['-', text.slice(1)] : ['', text];
          const padded = digits.includes('.')
            ? `${digits}${'0'.repeat(after)}`
            : `${digits}.${'0'.repeat(after + 1)}`;
          expect(parseDecimal(`${sign}${'0'.repeat(before)}${padded}`)).toBe(units);
        },
      ),
    );
  });

  it('have one text per value, without exponent or needless zeros', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -most, max: most }), (units) => {
        expect(formatDecimal(units)).toMatch(/^(?:0|-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?)$/);
      }),
    );
    expect(formatDecimal(-5n, 1)).toBe('-0.5');
    expect(formatDecimal(0n)).toBe('0');
  });

  it('multiply exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: most }), fc.bigInt({ min: 0n, max: most }), (a, b) => {
        const [whole, fraction = ''] = formatDecimal(a * b, 36).split('.');
        expect(BigInt(`${whole}${fraction.padEnd(36, '0')}`)).toBe(a * b);
      }),
    );
  });

  it('are refused when they are anything else', () => {
    const bad = [
      '',
      '.',
      '1.',
      '.5',
      '+1',
      '1e3',
      '0x1',
      ' 1',
      '1 ',
      '1,5',
      'NaN',
      'Infinity',
      '--1',
      '1.2.3',
    ];
    for (const text of bad) expect(parseDecimal(text), text).toBeUndefined();
    expect(parseDecimal('1'.repeat(19))).toBeUndefined();
    expect(parseDecimal(`0.${'1'.repeat(19)}`)).toBeUndefined();
    expect(parseDecimal(`0${'1'.repeat(18)}.${'1'.repeat(18)}0`)).toBeDefined();
  });

  it('above zero become canonical', () => {
    const cases = [
      ['0.020', '0.02'],
      ['007', '7'],
      ['61837.63', '61837.63'],
      ['100', '100'],
      ['1.0', '1'],
    ] as const;
    for (const [text, canonical] of cases) expect(canonicalPositive(text), text).toBe(canonical);
    for (const text of ['0', '0.0', '-1', '-0', '1e5', '1'.repeat(19)])
      expect(canonicalPositive(text), text).toBeUndefined();
  });

  it('are taken from JSON numbers only as long as no digit can be lost', () => {
    expect(numberText(61837.63)).toBe('61837.63');
    expect(numberText(0.00002)).toBe('0.00002');
    expect(numberText(100)).toBe('100');
    // More digits than a double is sure to keep; an exponent; no number at all.
    for (const value of [9_007_199_254_740_991, 0.1234567890123456, 1e21, 1e-7, Number.NaN])
      expect(numberText(value), String(value)).toBeUndefined();
  });
});
