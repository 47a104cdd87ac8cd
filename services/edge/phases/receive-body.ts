import { SluiceError } from '@sluice/errors';
import { headerValue } from '@sluice/wire';
import type { Exchange } from '../exchange.ts';

export interface ReceiveOptions {
  readonly bus: { readonly maxPayload: number };
  /** Bytes, where the route names no limit of its own. */
  readonly bodyLimit: number;
}

/** Envelope fields beside the ones that are counted: names, lengths, ids, trace, the NATS headers. */
const envelopeRoom = 1024;

/**
 * Reads the body, once the request has earned it: nothing is read for a request that an earlier phase refused. A body
 * whose announced length is too large, or of a type that the route does not take, is refused unread. Exits: 400, 408,
 * 413, 415.
 */
export function receiveBody(options: ReceiveOptions) {
  return function receiveBody(exchange: Exchange): void | Promise<void> {
    const { fields } = exchange;
    if (fields.contentLength <= 0 && fields.transferEncoding === null) return undefined;
    const types = exchange.route?.contentTypes ?? null;
    if (types !== null) checkType(types, headerValue(fields.endToEnd, 'content-type'));
    const limit = Math.min(
      exchange.route?.bodyLimit ?? options.bodyLimit,
      // What NATS cannot carry must not be read first. Path, parameters and headers share the message with the body.
      options.bus.maxPayload - envelopeRoom - fields.size - 2 * exchange.target.length,
    );
    if (fields.contentLength > limit)
      throw new SluiceError('body_too_large', `The body is larger than ${limit} bytes.`);
    const body = exchange.outlet.receive(limit, fields);
    if (body instanceof Uint8Array) {
      exchange.body = body;
      return undefined;
    }
    return body.then((bytes) => {
      exchange.body = bytes;
    });
  };
}

/** RFC 9110 section 8.3.1: names of media types mean the same in any case, parameters do not count. */
function checkType(types: readonly string[], sent: string | undefined): void {
  const type = sent?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (types.includes(type) || types.includes(`${type.split('/', 1)[0]}/*`)) return;
  throw new SluiceError('unsupported_media_type', `The route takes bodies of type ${types.join(', ')}.`, {
    headers: { 'accept-post': types.join(', ') },
  });
}
