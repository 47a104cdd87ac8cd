import { SluiceError } from '@sluice/errors';
import { mostFields } from '@sluice/wire';
import type { Exchange } from '../exchange.ts';
import { checkFraming } from '../http/framing.ts';
import { canonicalTarget } from '../path/canonical.ts';

export interface CanonicaliseOptions {
  /** Bytes of all header fields together. */
  readonly headerLimit: number;
  /** Bytes of the request target. */
  readonly targetLimit: number;
}

/** Refuses requests that are not what they seem, and gives the path its one form. Exits: 400, 414, 431. */
export function canonicalise(options: CanonicaliseOptions) {
  return function canonicalise(exchange: Exchange): void {
    const { fields, target } = exchange;
    if (exchange.method === '') throw new SluiceError('bad_request', 'The method is not one of HTTP.');
    if (target.length > options.targetLimit)
      throw new SluiceError('uri_too_long', `Path and query are longer than ${options.targetLimit} bytes.`);
    if (fields.size > options.headerLimit)
      throw new SluiceError(
        'headers_too_large',
        `The header fields are larger than ${options.headerLimit} bytes.`,
      );
    if (fields.endToEnd.length > 2 * mostFields)
      throw new SluiceError('headers_too_large', `There are more than ${mostFields - 1} header fields.`);
    checkFraming(exchange.version, fields);
    if (fields.ambiguous)
      throw new SluiceError('bad_request', 'Authorization and X-API-Key may be sent once.');
    if (target === '*' && exchange.method === 'OPTIONS') return;
    const canonical = canonicalTarget(target, fields.host);
    exchange.path = canonical.path;
    exchange.segments = canonical.segments;
    exchange.query = canonical.query;
    exchange.slash = canonical.slash;
  };
}
