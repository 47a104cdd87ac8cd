import { existsSync } from 'node:fs';
import path from 'node:path';

/** The checkout's top directory. */
export const projectRoot = path.resolve(import.meta.dirname, '../..');

/**
 * Path of a file of recorded market data beside the checkout, or undefined where it is not there: such tests skip with
 * `it.skipIf(realData('trades…csv') === undefined)`.
 */
export function realData(name: string): string | undefined {
  const file = path.resolve(projectRoot, '../shared/data', name);
  return existsSync(file) ? file : undefined;
}
