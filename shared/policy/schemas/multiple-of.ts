import { _, str, type Ajv2020, type CodeKeywordDefinition } from 'ajv/dist/2020.js';

const keyword: CodeKeywordDefinition = {
  keyword: 'multipleOf',
  type: 'number',
  schemaType: 'number',
  error: {
    message: ({ schemaCode }) => str`must be multiple of ${schemaCode}`,
    params: ({ schemaCode }) => _`{multipleOf: ${schemaCode}}`,
  },
  code(context) {
    const { gen, data } = context;
    const number = context.schema as number;
    // Ajv keeps what it is given for as long as it lives: by this key, one for each number.
    const divisor = gen.scopeValue('keyword', { key: number, ref: readDivisor(number) });
    context.fail(_`!${gen.scopeValue('func', { ref: isMultiple })}(${data}, ${divisor})`);
  },
};

/** Ajv divides binary fractions: 19.99 would be no multiple of 0.01. */
export function useDecimalMultipleOf(ajv: Ajv2020): void {
  ajv.removeKeyword('multipleOf');
  ajv.addKeyword(keyword);
}

/** A finite number as `digits * 10 ** exponent`. The digits end in no zero, unless they are one. */
interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

export interface Divisor {
  /** Null where nothing is a multiple: a JSON text can say `1e400`, which is infinity here. */
  readonly exact: Decimal | null;
  /** `whole / scale` is the divisor; scale 0 where the two are not small enough to count with. */
  readonly scale: number;
  readonly whole: number;
}

/** Below it two decimals of as many places are two numbers, so what rounds back to a number is how people write it. */
const mostExact = 1e15;

/**
 * Powers of ten. A divisor of seventeen digits holds fewer than sixty factors two or five, so ten to any higher power is
 * divided by the same divisors: 1e308 is as cheap as 1e60.
 */
const tens = Array.from({ length: 61 }, (_, n) => 10n ** BigInt(n));

export function readDivisor(number: number): Divisor {
  if (!Number.isFinite(number) || number === 0) return { exact: null, scale: 0, whole: 0 };
  const exact = decimal(number);
  const scale = Number(`1e${Math.max(0, -exact.exponent)}`);
  const whole = Math.round(number * scale);
  return { exact, whole, scale: scale < mostExact && whole < mostExact ? scale : 0 };
}

/**
 * Whether a number is a multiple of another one, of the decimals that people write for the two: the shortest ones that
 * read back as the same number (ECMA-262, Number::toString).
 */
export function isMultiple(value: number, { exact, scale, whole }: Divisor): boolean {
  if (exact === null || !Number.isFinite(value)) return false;
  const scaled = value * scale;
  // Almost always, and twenty times as fast as digits: 2 µs for each number of a long list would be felt.
  if (scale > 0 && Math.abs(scaled) < mostExact) {
    const digits = Math.round(scaled);
    return digits / scale === value && digits % whole === 0;
  }
  const dividend = decimal(value);
  const ten = dividend.exponent - exact.exponent;
  // The digits of a value end in no zero, and those of a multiple would.
  if (ten < 0) return dividend.digits === 0n;
  return (dividend.digits * (tens[Math.min(ten, tens.length - 1)] as bigint)) % exact.digits === 0n;
}

function decimal(value: number): Decimal {
  const [mantissa = '', exponent] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  return { digits: BigInt(digits), exponent: Number(exponent) - (digits.length - 1) };
}
