import { problemKey, routeKey } from '@sluice/routes';
import type { CompileOutput } from './compile.ts';
import { jsonText } from './text.ts';

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
  for (const [id, route] of wanted.routes) texts.set(routeKey(id), jsonText(route));
  for (const [id, problem] of wanted.problems) texts.set(problemKey(id), jsonText(problem));
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
