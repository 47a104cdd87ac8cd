import { isIntegerId } from '@sluice/market';

/**
 * A trade's id as the database keeps it: text whose byte order (COLLATE "C") is the order of ids, so that one index
 * serves uniqueness, ranges and paging. Integers get their length in front (`103735683259` is ten digits, 3735683259),
 * all others an `x`, which sorts after every digit.
 */
export function tradeKey(id: string): string {
  if (!isIntegerId(id)) return `x${id}`;
  return id.length < 10 ? `0${id.length}${id}` : `${id.length}${id}`;
}

/** The id of a key. */
export function tradeIdOf(key: string): string {
  return key.startsWith('x') ? key.slice(1) : key.slice(2);
}

/** SQL expression of the id of a column that holds a key. */
export function tradeIdSql(column: string): string {
  return `substr(${column}, CASE WHEN ${column} < 'x' THEN 3 ELSE 2 END)`;
}
