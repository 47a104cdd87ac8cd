import type { FieldError } from '@sluice/errors';
import { DocumentError, checkStorable, parseDocument, type DocumentFault } from '@sluice/policy';

export type ReadDocument =
  | { readonly ok: true; readonly input: unknown }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

export type DocumentFormat = 'json' | 'yaml';

/** Reads and checks the text of a document. YAML faults carry their line. */
export function readDocumentText(text: string, format: DocumentFormat): ReadDocument {
  // Text that is JSON is not read as YAML: that would take a hundred times as long for a large document.
  return format === 'json' ? readJson(text) : readYaml(text);
}

/** Faults as problem documents list them: RFC 6901 pointers into the body. */
export function faultErrors(faults: readonly (DocumentFault & { readonly line?: number })[]): FieldError[] {
  return faults.map(({ path, message, hint, line }) => ({
    in: 'body',
    pointer: path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    detail: message,
    ...(line === undefined ? {} : { line }),
    ...(hint === null ? {} : { hint }),
  }));
}

export function refusedDocument(
  faults: readonly (DocumentFault & { readonly line?: number })[],
): ReadDocument {
  return { ok: false, errors: faultErrors(faults) };
}

function readJson(text: string): ReadDocument {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (error) {
    return refusedDocument([{ path: [], message: `is not JSON: ${(error as Error).message}`, hint: null }]);
  }
  return storable(input);
}

function readYaml(text: string): ReadDocument {
  const parsed = parseDocument(text, 'document');
  return parsed.ok ? storable(parsed.input) : refusedDocument(parsed.faults);
}

function storable(input: unknown): ReadDocument {
  try {
    checkStorable(input);
    return { ok: true, input };
  } catch (error) {
    if (error instanceof DocumentError) return refusedDocument(error.faults);
    throw error;
  }
}
