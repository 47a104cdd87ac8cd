import { isIP } from 'node:net';

/** An IPv4 or IPv6 address or CIDR block, in the notation that cannot be read in two ways (no octal, no short forms, no zone). */
export function isAddressOrBlock(text: string): boolean {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 0 || slash < 0) return family !== 0;
  const bits = text.slice(slash + 1);
  return /^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

const regions = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });
/** What Unicode calls a region and ISO 3166-1 no country. */
const noCountry = new Set([
  'AC',
  'CP',
  'CQ',
  'DG',
  'EA',
  'EU',
  'EZ',
  'IC',
  'QO',
  'TA',
  'UN',
  'XA',
  'XB',
  'ZZ',
]);

/** `country:DE`: a code that ISO 3166-1 has today, upper case. Any other (`UK`, `EU`) would match nobody without a word. */
export function isCountryRule(text: string): boolean {
  const code = /^country:([A-Z]{2})$/.exec(text)?.[1];
  return (
    code !== undefined && canonical(code) === code && regions.of(code) !== undefined && !noCountry.has(code)
  );
}

/** What to write instead. */
export function countryHint(text: string): string {
  const code = /^country:([A-Za-z]{2})$/.exec(text)?.[1];
  const meant = code && canonical(code);
  return meant && isCountryRule(`country:${meant}`)
    ? `did you mean "country:${meant}"?`
    : 'two capital letters (ISO 3166-1), like country:DE';
}

/** Codes that are no longer used stand for others: `UK` for `GB`. */
function canonical(code: string): string {
  return new Intl.Locale(`und-${code}`).region ?? code;
}
