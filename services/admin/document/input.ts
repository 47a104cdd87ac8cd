import { SluiceError, type FieldError } from '@sluice/errors';
import { refuseCodedBody } from '@sluice/service';
import { headerValue, type WireRequest } from '@sluice/wire';
import type { DocumentWork } from './document-work.ts';
import { refusedDocument, type ReadDocument } from './read-text.ts';

const yamlType = /^(?:application|text)\/(?:x-)?(?:[\w.!#$&^-]+\+)?yaml$/i;
const jsonType = /^application\/(?:[\w.!#$&^-]+\+)?json$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Faults beyond these are only counted: a document of a hundred thousand wrong addresses must not become the answer. */
const mostErrors = 100;

/**
 * The document in a request, JSON or YAML by its content type; YAML where it has none. Rejects with SluiceError
 * `unsupported_media_type`, or `unavailable` when too many documents wait to be read.
 */
export async function readDocument(
  request: WireRequest,
  caller: string,
  work: DocumentWork,
): Promise<ReadDocument> {
  const type = headerValue(request.headers, 'content-type')?.split(';', 1)[0]?.trim();
  const json = type !== undefined && jsonType.test(type);
  if (type !== undefined && !json && !yamlType.test(type))
    throw new SluiceError(
      'unsupported_media_type',
      'The document is read as application/json or application/yaml.',
    );
  refuseCodedBody(request.headers);
  let text: string;
  try {
    text = utf8.decode(request.body);
  } catch {
    return refusedDocument([{ path: [], message: 'is not text in UTF-8', hint: null }]);
  }
  if (text.trim() === '')
    return refusedDocument([{ path: [], message: 'there is no document in the request', hint: null }]);
  return work.read(caller, text, json ? 'json' : 'yaml');
}

/** 400 with every fault. */
export function invalidDocument(errors: readonly FieldError[], total = errors.length): SluiceError {
  const more = total - mostErrors;
  const detail =
    more > 0 ? `The document has faults; ${more} more are not listed.` : 'The document has faults.';
  return new SluiceError('invalid_parameters', detail, { errors: errors.slice(0, mostErrors) });
}
