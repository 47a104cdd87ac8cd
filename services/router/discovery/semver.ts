/**
 * Orders versions as Semantic Versioning 2.0.0 section 11 does; ADR-32 asks services for such versions. Text that is no
 * version comes before all versions and is ordered as text, so that the order is total whatever is announced.
 */
export function compareVersions(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  if (!left || !right) return left ? 1 : right ? -1 : compare(a, b);
  for (let i = 0; i < 3; i++) {
    const order = compareNumbers(left.core[i] as string, right.core[i] as string);
    if (order !== 0) return order;
  }
  return comparePrerelease(left.pre, right.pre);
}

const pattern =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

function parse(version: string): { core: string[]; pre: string[] } | null {
  const match = pattern.exec(version);
  if (!match) return null;
  return { core: match.slice(1, 4), pre: match[4]?.split('.') ?? [] };
}

/** A version with a pre-release is lower than the same without; identifiers compare one by one. */
function comparePrerelease(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const left = a[i] as string;
    const right = b[i] as string;
    const leftNumeric = /^\d+$/.test(left);
    const rightNumeric = /^\d+$/.test(right);
    if (leftNumeric !== rightNumeric) return leftNumeric ? -1 : 1;
    const order = leftNumeric ? compareNumbers(left, right) : compare(left, right);
    if (order !== 0) return order;
  }
  return Math.sign(a.length - b.length);
}

/** Digits of any length, without the loss of a float. */
function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+(?=\d)/, '');
  const right = b.replace(/^0+(?=\d)/, '');
  return left.length === right.length ? compare(left, right) : left.length - right.length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
