import { SluiceError, type FieldError } from '@sluice/errors';
import { DocumentError, checkStorable, parseDocument, type DocumentFault } from '@sluice/policy';
import { headerValue, type WireRequest } from '@sluice/wire';

const yamlType = /^(?:application|text)\/(?:x-)?(?:[\w.!#$&^-]+\+)?yaml$/i;
const jsonType = /^application\/(?:[\w.!#$&^-]+\+)?json$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Faults beyond these are only counted: a document of a hundred thousand wrong addresses must not become the answer. */
const mostErrors = 100;

export type ReadDocument =
  | { readonly ok: true; readonly input: unknown }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/**
 * The document in a request, JSON or YAML by its content type; YAML where it has none. YAML faults carry their line.
 * Throws SluiceError `unsupported_media_type`.
 */
export function readDocument(request: WireRequest): ReadDocument {
  const type = headerValue(request.headers, 'content-type')?.split(';', 1)[0]?.trim();
  const json = type !== undefined && jsonType.test(type);
  if (type !== undefined && !json && !yamlType.test(type))
    throw new SluiceError(
      'unsupported_media_type',
      'The document is read as application/json or application/yaml.',
    );
  let text: string;
  try {
    text = utf8.decode(request.body);
  } catch {
    return refused([{ path: [], message: 'is not text in UTF-8', hint: null }]);
  }
  if (text.trim() === '')
    return refused([{ path: [], message: 'there is no document in the request', hint: null }]);
  return json ? readJson(text) : readYaml(text);
}

/** 400 with every fault. */
export function invalidDocument(errors: readonly FieldError[]): SluiceError {
  const more = errors.length - mostErrors;
  const detail =
    more > 0 ? `The document has faults; ${more} more are not listed.` : 'The document has faults.';
  return new SluiceError('invalid_parameters', detail, { errors: errors.slice(0, mostErrors) });
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

/** Text that is JSON is not read as YAML: that would take a hundred times as long for a large document. */
function readJson(text: string): ReadDocument {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (error) {
    return refused([{ path: [], message: `is not JSON: ${(error as Error).message}`, hint: null }]);
  }
  return storable(input);
}

function readYaml(text: string): ReadDocument {
  const parsed = parseDocument(text, 'document');
  return parsed.ok ? storable(parsed.input) : refused(parsed.faults);
}

function storable(input: unknown): ReadDocument {
  try {
    checkStorable(input);
    return { ok: true, input };
  } catch (error) {
    if (error instanceof DocumentError) return refused(error.faults);
    throw error;
  }
}

function refused(faults: readonly (DocumentFault & { readonly line?: number })[]): ReadDocument {
  return { ok: false, errors: faultErrors(faults) };
}
