import { SluiceError } from '@sluice/errors';
import { headerValue, natsHeaders, type WireRequest } from '@sluice/wire';
import { FieldValueError, httpToNats, percentComplete, percentEncode } from './field-value.ts';

/**
 * The NATS headers of a request to a raw backend (DESIGN.md, "Encoding raw"); the payload is the body alone. Names of
 * `Sluice-Header-` are lower case after the prefix, and a field that came several times goes several times. `wanted`
 * are the fields the route asks for. Throws SluiceError `bad_request` for a value that no header can carry.
 */
export function rawHeaders(request: WireRequest, wanted: readonly string[], deadline: number): string[] {
  try {
    return build(request, wanted, deadline);
  } catch (cause) {
    if (!(cause instanceof FieldValueError)) throw cause;
    throw new SluiceError('bad_request', 'A header field holds a control character.', { cause });
  }
}

function build(request: WireRequest, wanted: readonly string[], deadline: number): string[] {
  const headers = [
    natsHeaders.method,
    request.method,
    natsHeaders.path,
    percentComplete(request.path),
    natsHeaders.requestId,
    httpToNats(natsHeaders.requestId, request.id),
    natsHeaders.deadline,
    String(deadline),
  ];
  if (request.query !== '') headers.push(natsHeaders.query, percentComplete(request.query));
  for (const name in request.params)
    headers.push(natsHeaders.paramPrefix + name, percentEncode(request.params[name] as string));
  if (request.identity) headers.push(natsHeaders.subject, percentEncode(request.identity.subject));
  if (request.trace !== '') headers.push(natsHeaders.traceparent, request.trace);
  const contentType = headerValue(request.headers, 'content-type');
  if (contentType !== undefined)
    headers.push(natsHeaders.contentType, httpToNats('content-type', contentType));
  if (wanted.length === 0) return headers;
  // Edges send no such field on: the address that they have found out takes its place.
  if (wanted.includes('x-forwarded-for'))
    headers.push(`${natsHeaders.headerPrefix}x-forwarded-for`, request.client);
  for (let i = 0; i < request.headers.length; i += 2) {
    const name = request.headers[i] as string;
    if (wanted.includes(name))
      headers.push(natsHeaders.headerPrefix + name, httpToNats(name, request.headers[i + 1] as string));
  }
  return headers;
}
