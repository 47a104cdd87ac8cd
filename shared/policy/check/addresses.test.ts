import { expect, test } from 'vitest';
import { countryHint, isCountryRule } from './addresses.ts';

test.each(['DE', 'GB', 'KP', 'US', 'XK', 'AQ'])('country:%s is a rule', (code) =>
  expect(isCountryRule(`country:${code}`)).toBe(true),
);

test.each([
  ['UK', 'did you mean "country:GB"?'],
  ['de', 'did you mean "country:DE"?'],
  ['SU', 'did you mean "country:RU"?'],
  ['XX', 'two capital letters (ISO 3166-1), like country:DE'],
  ['EU', 'two capital letters (ISO 3166-1), like country:DE'],
  ['ZZ', 'two capital letters (ISO 3166-1), like country:DE'],
  ['Germany', 'two capital letters (ISO 3166-1), like country:DE'],
])('country:%s is none: it would match nobody', (code, hint) => {
  expect(isCountryRule(`country:${code}`)).toBe(false);
  expect(countryHint(`country:${code}`)).toBe(hint);
});
