import type { DocumentChange } from '@sluice/policy';

/** A text longer than this is told by its beginning: a whole route fits, a list of ten thousand addresses does not. */
const longestText = 160;
const signs = { add: '+', remove: '-', change: '~' } as const;

/**
 * Differences for people, one a line: `~ limits.burst.limit: 100 → 200`. A list of texts that has another order is told
 * as that.
 */
export function formatChanges(changes: readonly DocumentChange[]): string {
  return changes.map((change) => `${signs[change.op]} ${change.path}${what(change)}\n`).join('');
}

/** What the control API says of a document that may not be meant. */
export interface ChangeWarning {
  readonly route: string | null;
  readonly detail: string;
}

export function formatWarnings(warnings: readonly ChangeWarning[]): string {
  return warnings
    .map(({ route, detail }) => `warning: ${route === null ? '' : `${route}: `}${detail}\n`)
    .join('');
}

export function countChanges(changes: readonly DocumentChange[]): string {
  const of = (op: DocumentChange['op']): number => changes.filter((change) => change.op === op).length;
  return `${of('add')} added, ${of('change')} changed, ${of('remove')} removed`;
}

function what({ op, before, after }: DocumentChange): string {
  if (op === 'add') return `: ${text(after)}`;
  if (op === 'remove') return `: ${text(before)}`;
  return `: ${text(before)} → ${text(after)}`;
}

function text(value: unknown): string {
  if (Array.isArray(value) && value.length > 10) return `[${value.length} entries]`;
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > longestText ? `${json.slice(0, longestText)}…` : json;
}
