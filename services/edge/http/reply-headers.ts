import { hopByHop, type FlatHeaders } from '@sluice/wire';

/**
 * The fields of an answer that go to the client, with the gateway's `x-request-id`. Framing and connection fields are
 * dropped: the gateway makes its own. Names are lower case, and everything is valid in HTTP: the envelope's decoder has
 * refused what is not.
 */
export function replyHeaders(headers: FlatHeaders, requestId: string): string[] {
  const kept: string[] = [];
  let nominated: Set<string> | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (name === 'connection') {
      nominated ??= new Set();
      for (const part of value.toLowerCase().split(',')) nominated.add(part.trim());
    } else if (name !== 'content-length' && name !== 'x-request-id' && !hopByHop.has(name)) {
      kept.push(name, value);
    }
  }
  if (nominated !== null) return [...without(kept, nominated), 'x-request-id', requestId];
  kept.push('x-request-id', requestId);
  return kept;
}

/** RFC 9110 section 7.6.1: a field that `Connection` names ends at this hop. */
function without(headers: string[], nominated: Set<string>): string[] {
  const left: string[] = [];
  for (let i = 0; i < headers.length; i += 2)
    if (!nominated.has(headers[i] as string)) left.push(headers[i] as string, headers[i + 1] as string);
  return left;
}
