/**
 * The gateway sends prices and sizes as decimal strings, and they are shown as such: no digit of them goes through a
 * floating-point number. Only the drawing, which has a few thousand pixels, uses numbers.
 */

/** `"61837.6"` → `"61,837.60"`: digits grouped, and at least `places` of them after the point. */
export function showDecimal(/** @type {string} */ text, places = 0) {
  const negative = text.startsWith('-');
  const [whole = '0', fraction = ''] = (negative ? text.slice(1) : text).split('.');
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  const padded = fraction.padEnd(places, '0');
  return `${negative ? '−' : ''}${grouped}${padded === '' ? '' : `.${padded}`}`;
}

/** Digits after the point. */
export function placesOf(/** @type {string} */ text) {
  const point = text.indexOf('.');
  return point === -1 ? 0 : text.length - point - 1;
}

/** Sums for people: `"1234567.891"` → `"1.23M"`, `"0.0012345"` → `"0.00123"`: what is not zero never looks like it. */
export function showAmount(/** @type {string} */ text) {
  return amount.format(Number(text));
}

const amount = new Intl.NumberFormat('en', {
  notation: 'compact',
  maximumFractionDigits: 2,
  maximumSignificantDigits: 3,
  roundingPriority: 'morePrecision',
});

/** Digits after the point that fit on an axis. */
const mostOnAxis = 12;

/**
 * A number of the drawing for its axis, with `places` digits after the point. Where those do not fit, a number near zero
 * has an exponent and as many digits as it would have had.
 */
export function showOnAxis(/** @type {number} */ value, /** @type {number} */ places) {
  const size = Math.abs(value);
  if (places <= mostOnAxis || size >= 1e-6) return showDecimal(value.toFixed(Math.min(mostOnAxis, places)));
  // The drawing's own zero may be off by a rounding error.
  if (size < 10 ** -places / 2) return '0';
  const digits = places + Math.floor(Math.log10(size));
  return `${value < 0 ? '−' : ''}${size.toExponential(Math.min(6, Math.max(0, digits)))}`;
}

/** Change in percent of where it began, with its sign; null where it began at zero. */
export function showPercent(/** @type {string} */ change, /** @type {string} */ open) {
  const base = Number(open);
  return base === 0 ? null : percent.format(Number(change) / base).replace('-', '−');
}

const percent = new Intl.NumberFormat('en', {
  style: 'percent',
  signDisplay: 'exceptZero',
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});

/** −1, 0 or 1 for negative, zero or positive decimal text. */
export function signOf(/** @type {string} */ text) {
  if (text.startsWith('-')) return -1;
  return /[1-9]/.test(text) ? 1 : 0;
}
