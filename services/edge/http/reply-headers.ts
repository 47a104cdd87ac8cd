import { hopByHop, type FlatHeaders } from '@sluice/wire';

/** What the gateway has to say itself; an {@link Exchange} is one. */
export interface OwnFields {
  readonly requestId: string;
  /** What its phases have added. */
  readonly answerHeaders: FlatHeaders;
  /** Its CORS policy counts: a backend's `access-control-` fields could say more than that allows. */
  readonly ownsCors: boolean;
}

/**
 * The fields of an answer that go to the client, with the gateway's `x-request-id` and what its phases have added.
 * Framing and connection fields are dropped: the gateway makes its own. Names are lower case, and everything is valid in
 * HTTP: the envelope's decoder has refused what is not.
 */
export function replyHeaders(headers: FlatHeaders, own: OwnFields): string[] {
  const { answerHeaders: added, ownsCors } = own;
  const kept: string[] = [];
  let nominated: Set<string> | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (name === 'connection') {
      nominated ??= new Set();
      for (const part of value.toLowerCase().split(',')) nominated.add(part.trim());
    } else if (
      name !== 'content-length' &&
      name !== 'x-request-id' &&
      !hopByHop.has(name) &&
      !(added.length > 0 && replaces(added, name)) &&
      !(ownsCors && name.startsWith('access-control-'))
    ) {
      kept.push(name, value);
    }
  }
  const complete = nominated === null ? kept : without(kept, nominated);
  for (const part of added) complete.push(part);
  complete.push('x-request-id', own.requestId);
  return complete;
}

/** Whether the gateway's own field takes the place of a backend's. Cookies and `Vary` are lists that both add to. */
function replaces(added: FlatHeaders, name: string): boolean {
  if (name === 'set-cookie' || name === 'vary') return false;
  for (let i = 0; i < added.length; i += 2) if (added[i] === name) return true;
  return false;
}

/** RFC 9110 section 7.6.1: a field that `Connection` names ends at this hop. */
function without(headers: string[], nominated: Set<string>): string[] {
  const left: string[] = [];
  for (let i = 0; i < headers.length; i += 2)
    if (!nominated.has(headers[i] as string)) left.push(headers[i] as string, headers[i + 1] as string);
  return left;
}
