import { documentChanges, formatDocument } from '@sluice/policy';
import { readDocumentText, type DocumentFormat } from './read-text.ts';
import { summarise } from './summary.ts';

/** Changes that answers and the audit log list one by one. */
export const mostListed = 500;

/** What takes long for a large document; what is asked of `work-thread.ts`. Documents are JSON texts: they cross faster. */
export type Work =
  | { readonly kind: 'read'; readonly text: string; readonly format: DocumentFormat }
  | { readonly kind: 'compare'; readonly before: string; readonly after: string }
  | { readonly kind: 'format'; readonly json: string };

/** The same in a thread and without one. */
export async function perform(work: Work): Promise<unknown> {
  if (work.kind === 'read') return readDocumentText(work.text, work.format);
  if (work.kind === 'format') return formatDocument(JSON.parse(work.json));
  return summarise(documentChanges(JSON.parse(work.before), JSON.parse(work.after)), mostListed);
}
