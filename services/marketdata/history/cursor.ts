import { createHash } from 'node:crypto';
import { badParameter } from './failure.ts';

/** The part of the cursor that says whether it belongs to this query, bytes. */
const sumBytes = 9;

/**
 * Cursors: where the next page begins, and a sum over that and everything that shaped the list. They hold a place in
 * the order of rows, not a count of rows, so rows that come in meanwhile neither repeat nor hide others. A cursor that
 * was changed, or is sent with another list's parameters, is refused. There is nothing secret in it: who forges one only
 * chooses another place of the same public list.
 */
export function encodeCursor(query: readonly unknown[], position: readonly (string | number)[]): string {
  const text = position.join(',');
  return Buffer.concat([sum(query, text), Buffer.from(text)]).toString('base64url');
}

/** The position that was encoded. Throws `invalid_parameters` naming `cursor`. */
export function decodeCursor(query: readonly unknown[], cursor: string): string[] {
  const bytes = Buffer.from(cursor, 'base64url');
  const text = bytes.subarray(sumBytes).toString('utf8');
  const sound =
    // The decoder passes over what is not base64url: only the exact text counts.
    bytes.toString('base64url') === cursor && sum(query, text).equals(bytes.subarray(0, sumBytes));
  if (!sound) throw badParameter('cursor', 'is not a cursor that this list gave with the same parameters');
  return text.split(',');
}

function sum(query: readonly unknown[], position: string): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(['cursor v1', query, position]))
    .digest()
    .subarray(0, sumBytes);
}
