import { jsonPointer, type FieldError } from '@sluice/errors';
import { DocumentError, checkStorable, readText, type DocumentFault } from '@sluice/policy';

export type ReadDocument =
  | { readonly ok: true; readonly input: unknown }
  | {
      readonly ok: false;
      /** The first of them. */
      readonly errors: readonly FieldError[];
      readonly total: number;
    };

/** Faults beyond these are only counted: those of a hundred thousand wrong addresses would not fit an answer. */
const mostErrors = 500;

export type DocumentFormat = 'json' | 'yaml';

/** Reads and checks the text of a document. YAML faults carry their line. */
export async function readDocumentText(text: string, format: DocumentFormat): Promise<ReadDocument> {
  // Text that is JSON is not read as YAML: that would take a hundred times as long for a large document.
  return format === 'json' ? readJson(text) : readYaml(text);
}

/** Faults as problem documents list them: RFC 6901 pointers into the body. */
export function faultErrors(faults: readonly (DocumentFault & { readonly line?: number })[]): FieldError[] {
  return faults.map(({ path, message, hint, line }) => ({
    in: 'body',
    pointer: jsonPointer(path),
    detail: message,
    ...(line === undefined ? {} : { line }),
    ...(hint === null ? {} : { hint }),
  }));
}

export function refusedDocument(faults: readonly DocumentFault[], lineOf?: LineOf): ReadDocument {
  const first = faults.slice(0, mostErrors);
  const placed = lineOf ? first.map((fault) => ({ ...fault, line: lineOf(fault.path) })) : first;
  return { ok: false, errors: faultErrors(placed), total: faults.length };
}

type LineOf = (path: readonly (string | number)[]) => number;

async function readJson(text: string): Promise<ReadDocument> {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (error) {
    return refusedDocument([{ path: [], message: `is not JSON: ${(error as Error).message}`, hint: null }]);
  }
  return storable(input);
}

async function readYaml(text: string): Promise<ReadDocument> {
  const read = readText(text, 'document');
  return 'faults' in read ? refusedDocument(read.faults) : storable(read.value, (path) => read.lineOf(path));
}

async function storable(input: unknown, lineOf?: LineOf): Promise<ReadDocument> {
  try {
    await checkStorable(input);
    return { ok: true, input };
  } catch (error) {
    if (error instanceof DocumentError) return refusedDocument(error.faults, lineOf);
    throw error;
  }
}
