import { SluiceError } from '@sluice/errors';
import type { RequestFields } from './request-fields.ts';

/** RFC 3986 section 3.2.2 and 3.2.3 without user information: a name, an IPv4 or a bracketed IPv6 address, a port. */
const hostValue = /^(?:[A-Za-z0-9\-._~%!$&'()*+;=]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;

/**
 * The checks that node:http leaves to its user (each of these reaches a handler on Node 26): versions other than 1.0
 * and 1.1, no `Host`, two of them, codings beside `chunked`, `Transfer-Encoding` from an HTTP/1.0 client, expectations
 * that nobody can meet. A request that two servers could frame differently is how one smuggles another past a check.
 * Throws SluiceError `bad_request`.
 */
export function checkFraming(version: string, fields: RequestFields): void {
  if (version !== '1.1' && version !== '1.0')
    throw new SluiceError('bad_request', 'Only HTTP/1.0 and HTTP/1.1 are spoken here.');
  if (fields.hosts > 1) throw new SluiceError('bad_request', 'The Host field appears more than once.');
  if (fields.hosts === 0 && version === '1.1')
    throw new SluiceError('bad_request', 'The Host field is missing.');
  if (fields.hosts === 1 && !hostValue.test(fields.host))
    throw new SluiceError('bad_request', 'The Host field is not a host and port.');
  if (fields.transferEncoding !== null) {
    // RFC 9112 section 6.1: the only coding whose end every recipient agrees on, and not before HTTP/1.1.
    if (version === '1.0' || fields.transferEncoding.trim().toLowerCase() !== 'chunked')
      throw new SluiceError('bad_request', 'The Transfer-Encoding is not plain "chunked".');
    if (fields.contentLength !== -1)
      throw new SluiceError('bad_request', 'Content-Length and Transfer-Encoding exclude each other.');
  }
  if (fields.expect !== null && fields.expect.toLowerCase() !== '100-continue')
    throw new SluiceError('bad_request', 'The only expectation that can be met is 100-continue.');
}
