/** Ids of trades, and the order they give to trades of the same millisecond. */

const idPattern = /^[A-Za-z0-9_.:-]{1,64}$/;
const integerPattern = /^(?:0|[1-9]\d*)$/;

export const tradeIdRule = '1 to 64 of A–Z, a–z, 0–9, "_", ".", ":" and "-"';

export function isTradeId(text: string): boolean {
  return idPattern.test(text);
}

/** Whether an id counts as a number in the order of ids: digits only, no leading zero. */
export function isIntegerId(id: string): boolean {
  return integerPattern.test(id);
}

/**
 * The order of ids, negative when `a` comes first: integers by value, then all others by their bytes. Comparing mixed
 * pairs as text instead would give circles (`9` < `10` < `1a` < `9`).
 */
export function compareTradeIds(a: string, b: string): number {
  if (a === b) return 0;
  const integerA = isIntegerId(a);
  if (integerA !== isIntegerId(b)) return integerA ? -1 : 1;
  if (integerA && a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

/** The order of trades: time, then id. */
export function compareTrades(
  a: { readonly ts: number; readonly id: string },
  b: { readonly ts: number; readonly id: string },
): number {
  return a.ts - b.ts || compareTradeIds(a.id, b.id);
}
