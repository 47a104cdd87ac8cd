import type { DocumentChange } from '@sluice/policy';

/** Values longer than this as JSON are told by their length. */
const longestValue = 2_048;
/** All values of one summary together. */
const longestSummary = 64 * 1024;

/** The changes of a document in a bounded size, and how many there are in all. */
export interface ChangeSummary {
  readonly changes: readonly DocumentChange[];
  readonly total: number;
}

/** Keeps the first changes up to `most` and a bounded size: a new address list may have a hundred thousand members. */
export function summarise(changes: readonly DocumentChange[], most: number): ChangeSummary {
  const kept: DocumentChange[] = [];
  let size = 0;
  for (const change of changes.slice(0, most)) {
    const short = {
      op: change.op,
      path: change.path,
      ...('before' in change ? { before: shortened(change.before) } : {}),
      ...('after' in change ? { after: shortened(change.after) } : {}),
    };
    size += JSON.stringify(short).length;
    if (size > longestSummary) break;
    kept.push(short);
  }
  return { changes: kept, total: changes.length };
}

/** The two sides of a change, for the audit log: values by their place. */
export function sides(
  { changes, total }: ChangeSummary,
  revision: number,
): { before: object; after: object } {
  const side = (name: 'before' | 'after'): Record<string, unknown> =>
    Object.fromEntries(changes.flatMap((change) => (name in change ? [[change.path, change[name]]] : [])));
  return {
    before: { revision, values: side('before') },
    after: { values: side('after'), changes: total },
  };
}

function shortened(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined || text.length <= longestValue ? value : `[${text.length} bytes of JSON]`;
}
