/**
 * Exact decimals. On the wire they are text with up to 18 integer and 18 fraction digits, never an exponent, and in one
 * canonical form (`0.02`, not `.02` or `0.020`), so that equal numbers are equal strings. In memory they are integers
 * counted in units of 10^-18 (prices, sizes) or 10^-36 (their products): sums and products lose nothing, whatever the order.
 */

/** Digits after the point of a price or size in memory. */
export const priceScale = 18;
/** Digits after the point of price × size in memory. */
export const amountScale = 36;

const plain = /^(-?)(\d+)(?:\.(\d+))?$/;
const canonical = /^(?:0|[1-9]\d{0,17})(?:\.\d{0,17}[1-9])?$/;
const maxDigits = 18;

/** The grammar in words, for error messages. */
export const decimalRule = 'a decimal number with up to 18 integer and 18 fraction digits and no exponent';

/** Units of 10^-18, or undefined when the text is no such decimal. Leading and trailing zeros are allowed. */
export function parseDecimal(text: string): bigint | undefined {
  const match = plain.exec(text);
  if (!match) return undefined;
  const integer = stripLeadingZeros(match[2] as string);
  const fraction = stripTrailingZeros(match[3] ?? '');
  if (integer.length > maxDigits || fraction.length > maxDigits) return undefined;
  const units = BigInt(integer + fraction.padEnd(priceScale, '0'));
  return match[1] === '-' ? -units : units;
}

/** Canonical text of an integer counted in units of 10^-scale. */
export function formatDecimal(units: bigint, scale: number = priceScale): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  const fraction = stripTrailingZeros(digits.slice(point));
  const text = fraction === '' ? digits.slice(0, point) : `${digits.slice(0, point)}.${fraction}`;
  return units < 0n ? `-${text}` : text;
}

/**
 * Canonical text of a decimal above zero, or undefined. Text that is canonical already, which is nearly all of it, is
 * recognised by one expression and given back without a conversion.
 */
export function canonicalPositive(text: string): string | undefined {
  if (canonical.test(text)) return text === '0' ? undefined : text;
  const units = parseDecimal(text);
  return units === undefined || units <= 0n ? undefined : formatDecimal(units);
}

/**
 * Text of a JSON number that can be taken as an exact decimal: plain notation and at most 15 significant digits, because
 * with more of them what was sent and what was parsed may differ. Undefined otherwise: such numbers must come as strings.
 */
export function numberText(value: number): string | undefined {
  const text = String(value);
  if (!plain.test(text)) return undefined;
  const significant = text.replace(/^-?0*\.?0*/, '').replace('.', '');
  return significant.length <= 15 ? text : undefined;
}

function stripLeadingZeros(digits: string): string {
  let start = 0;
  while (start < digits.length - 1 && digits.charCodeAt(start) === 48) start++;
  return start === 0 ? digits : digits.slice(start);
}

function stripTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 48) end--;
  return end === digits.length ? digits : digits.slice(0, end);
}
