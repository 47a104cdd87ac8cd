import { SluiceError } from '@sluice/errors';
import { z } from '@sluice/service';
import { headerValues, type WireRequest } from '@sluice/wire';

const ifMatch = z
  .string()
  .optional()
  .meta({
    description: 'Entity tags of the state that the change was made to, or `*`. 428 without.',
    examples: ['"12"'],
  });
const ifNoneMatch = z.string().optional().meta({ description: '`*`: only where nothing is there yet.' });

/** Header fields of endpoints that change what is there; read by {@link checkPrecondition}. */
export const changeHeaders = z.object({ 'if-match': ifMatch });
/** The same where the change may also create. */
export const createHeaders = z.object({ 'if-match': ifMatch, 'if-none-match': ifNoneMatch });

/** `"12"`; representations of one revision have tags of their own (RFC 9110 section 8.8.3): `"12.yaml"`. */
export function etag(revision: number, representation = ''): string {
  return `"${revision}${representation === '' ? '' : `.${representation}`}"`;
}

/**
 * Whether a change may be made to what has `revision` now; null: it is not there. What is there without ever having been
 * written has a revision and counts as absent. Throws SluiceError `precondition_required` (428, RFC 6585 section 3) for a
 * request that names no state, `precondition_failed` (412, RFC 9110 section 13.1) for one that names another, and
 * `bad_request` for a malformed field.
 */
export function checkPrecondition(
  request: WireRequest,
  revision: number | null,
  { absent = revision === null }: { absent?: boolean } = {},
): void {
  const match = conditionOf(request, 'if-match');
  const noneMatch = conditionOf(request, 'if-none-match');
  if (match === null && noneMatch === null)
    throw new SluiceError(
      'precondition_required',
      'The change has to say which state it is made to: send If-Match with the ETag, or If-None-Match: * to create.',
    );
  // If-Match compares strongly, If-None-Match weakly.
  if (match !== null && !(match === '*' ? !absent : names(match, revision, false)))
    throw preconditionFailed();
  if (noneMatch !== null && (noneMatch === '*' ? !absent : names(noneMatch, revision, true)))
    throw preconditionFailed();
}

/** Whether a reader has this already: `If-None-Match` names the tag (304, RFC 9110 section 13.1.2). */
export function notModified(request: WireRequest, tag: string): boolean {
  const condition = conditionOf(request, 'if-none-match');
  return condition !== null && (condition === '*' || condition.some((each) => each.tag === tag));
}

export function preconditionFailed(cause?: unknown): SluiceError {
  return new SluiceError(
    'precondition_failed',
    'It has been changed since it was read, or is not in the state that the request names.',
    cause === undefined ? {} : { cause },
  );
}

interface Tag {
  readonly weak: boolean;
  /** With its quotes. */
  readonly tag: string;
}

type Condition = '*' | readonly Tag[];

function names(tags: readonly Tag[], revision: number | null, weakly: boolean): boolean {
  if (revision === null) return false;
  const representation = new RegExp(`^"${revision}(?:\\.[a-z]+)?"$`);
  return tags.some(({ weak, tag }) => (weakly || !weak) && representation.test(tag));
}

function conditionOf(request: WireRequest, name: string): Condition | null {
  const text = headerValues(request.headers, name).join(',').trim();
  if (text === '') return null;
  if (text === '*') return '*';
  const tags: Tag[] = [];
  // RFC 9110 section 8.8.3: an opaque tag may hold commas, so the list is not simply split.
  const one = /\s*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)/y;
  while (one.lastIndex < text.length) {
    const found = one.exec(text);
    if (!found) throw new SluiceError('bad_request', `The ${name} field is not a list of entity tags.`);
    tags.push({ weak: found[1] !== undefined, tag: found[2] as string });
  }
  return tags;
}
