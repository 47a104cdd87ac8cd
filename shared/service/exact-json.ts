/** What the ECMAScript proposal "JSON.parse source text access" adds; TypeScript's library does not know it yet. */
interface SourceTextJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
}
const json = JSON as unknown as SourceTextJson;

/** Whatever may lose digits has sixteen of them with or without a point, or an exponent. Rare, and cheap to look for. */
const doubtful = /\d[\d.]{15}|\d[eE]/;

/**
 * Reads JSON like `JSON.parse`, but for numbers that a JavaScript number cannot hold as they are written: those are
 * opaque objects (see {@link isInexact}), which no schema takes for a number. Throws SyntaxError.
 */
export function parseExactJson(text: string): unknown {
  if (!doubtful.test(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && decimal(String(value)) !== decimal(source)
      ? json.rawJSON(source)
      : value,
  );
}

/** Whatever JavaScript may write in another way: a point or exponent, sixteen digits, a zero below zero. */
const odd = /\d[.eE]|\d{16}|-0/;

/**
 * Reads JSON like `JSON.parse`, but for numbers that JavaScript would write in another way (`1.10`, `9007199254740993`):
 * those are opaque objects that `JSON.stringify` writes as they came. Throws SyntaxError.
 */
export function parseVerbatimJson(text: string): unknown {
  if (!odd.test(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && !same(value, source) ? json.rawJSON(source) : value,
  );
}

/** True for a number of {@link parseExactJson} that would have been rounded. */
export function isInexact(value: unknown): boolean {
  return json.isRawJSON(value);
}

function same(value: number, source: string): boolean {
  return JSON.stringify(value) === source;
}

/** One text per value: `1.50` and `15e-1` are both `15e-1`. Infinity, which stands for too large a number, is itself. */
function decimal(number: string): string {
  const [, sign, integer = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  if (sign === undefined) return number;
  const digits = integer + fraction;
  // No expressions: `/0+$/` takes the square of the time for a million zeros with a one behind them.
  let from = 0;
  let to = digits.length;
  while (from < to && digits[from] === '0') from++;
  while (to > from && digits[to - 1] === '0') to--;
  if (from === to) return '0';
  return `${sign}${digits.slice(from, to)}e${Number(exponent) + integer.length - to}`;
}
