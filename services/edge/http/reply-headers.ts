import { SluiceError } from '@sluice/errors';
import type { FlatHeaders } from '@sluice/wire';
import { hopByHop } from './hop-by-hop.ts';

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 section 5.5: visible characters, spaces, tabs and obs-text. A line break would forge a header or a response. */
const fieldValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/**
 * The fields of a backend's answer that go to the client, with the gateway's `x-request-id`. Framing and connection
 * fields are dropped: the gateway makes its own. Throws SluiceError `bad_backend_response` for a name or value that
 * HTTP cannot carry.
 */
export function replyHeaders(headers: FlatHeaders, requestId: string): string[] {
  const kept: string[] = [];
  let nominated: Set<string> | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    const value = headers[i + 1] as string;
    if (!token.test(name) || !fieldValue.test(value))
      throw new SluiceError('bad_backend_response', 'The backend answered a header that HTTP cannot carry.', {
        cause: new TypeError(`header ${JSON.stringify(name)} is not valid`),
      });
    if (name === 'connection') {
      nominated ??= new Set();
      for (const part of value.toLowerCase().split(',')) nominated.add(part.trim());
    }
    if (name === 'content-length' || name === 'x-request-id' || hopByHop.has(name)) continue;
    kept.push(name, value);
  }
  kept.push('x-request-id', requestId);
  return nominated === null ? kept : without(kept, nominated);
}

function without(headers: string[], nominated: Set<string>): string[] {
  const left: string[] = [];
  for (let i = 0; i < headers.length; i += 2)
    if (!nominated.has(headers[i] as string) || headers[i] === 'x-request-id')
      left.push(headers[i] as string, headers[i + 1] as string);
  return left;
}
