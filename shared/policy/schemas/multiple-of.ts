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
    const { gen, data, schemaCode } = context;
    context.fail(_`!${gen.scopeValue('func', { ref: isMultiple })}(${data}, ${schemaCode})`);
  },
};

/** Ajv divides binary fractions: 19.99 would be no multiple of 0.01. */
export function useDecimalMultipleOf(ajv: Ajv2020): void {
  ajv.removeKeyword('multipleOf');
  ajv.addKeyword(keyword);
}

/**
 * Powers of two and of five in a divisor of seventeen digits are fewer than this: ten to any higher power is divided by
 * the same ones. It keeps 1e308 as cheap as 1.
 */
const enoughTens = 60;

/**
 * Whether a number is a multiple of another one, of the decimals that people write for the two: the shortest ones that
 * read back as the same number (ECMA-262, Number::toString).
 */
export function isMultiple(value: number, divisor: number): boolean {
  // Most are small whole numbers, and their remainder is exact.
  if (Number.isSafeInteger(value) && Number.isSafeInteger(divisor)) return value % divisor === 0;
  if (value === 0) return divisor !== 0;
  if (!Number.isFinite(value) || !Number.isFinite(divisor) || divisor === 0) return false;
  const a = decimal(value);
  const b = decimal(divisor);
  const tens = a.exponent - b.exponent;
  // The digits of a value end in no zero, and those of its multiple would.
  if (tens < 0) return false;
  return (a.digits * 10n ** BigInt(Math.min(tens, enoughTens))) % b.digits === 0n;
}

/** A finite number as `digits * 10 ** exponent`. The digits end in no zero, unless they are one. */
function decimal(value: number): { digits: bigint; exponent: number } {
  const [mantissa = '', exponent] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  return { digits: BigInt(digits), exponent: Number(exponent) - (digits.length - 1) };
}
