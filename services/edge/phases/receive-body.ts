import { SluiceError } from '@sluice/errors';
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
 * whose announced length is too large is refused unread. Exits: 400, 408, 413.
 */
export function receiveBody(options: ReceiveOptions) {
  return function receiveBody(exchange: Exchange): void | Promise<void> {
    const { fields } = exchange;
    if (fields.contentLength <= 0 && fields.transferEncoding === null) return undefined;
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
