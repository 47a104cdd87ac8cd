import { problemKey, routeKey } from '@sluice/routes';
import type { CompileOutput } from './compile.ts';

/** A value of KV `routes` as it is stored. */
export interface StoredValue {
  readonly text: string;
  readonly revision: number;
}

export type TableWrite =
  | { readonly kind: 'create'; readonly key: string; readonly text: string }
  | { readonly kind: 'update'; readonly key: string; readonly text: string; readonly revision: number }
  | { readonly kind: 'delete'; readonly key: string; readonly revision: number };

/**
 * The writes that turn the stored table into the wanted one; nothing is written where nothing changed. Routes that go
 * come first, so that no moment has two routes in one place.
 */
export function diffTable(stored: ReadonlyMap<string, StoredValue>, wanted: CompileOutput): TableWrite[] {
  const texts = new Map<string, string>();
  for (const [id, route] of wanted.routes) texts.set(routeKey(id), stableText(route));
  for (const [id, problem] of wanted.problems) texts.set(problemKey(id), stableText(problem));
  const writes: TableWrite[] = [];
  for (const [key, { revision }] of stored)
    if (!texts.has(key)) writes.push({ kind: 'delete', key, revision });
  for (const [key, text] of texts) {
    const present = stored.get(key);
    if (!present) writes.push({ kind: 'create', key, text });
    else if (present.text !== text) writes.push({ kind: 'update', key, text, revision: present.revision });
  }
  return writes;
}

/** Values are kept by the compiler as long as they do not change, so that their text is made once. */
const textCache = new WeakMap<object, string>();

function stableText(value: object): string {
  let text = textCache.get(value);
  if (text === undefined) textCache.set(value, (text = JSON.stringify(value)));
  return text;
}
