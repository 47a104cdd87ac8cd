import { SluiceError } from '@sluice/errors';
import type { BusMessage } from '@sluice/nats';
import { decodeRequest, encodeResponse, WireError, type WireRequest, type WireResponse } from '@sluice/wire';

/** How an endpoint reads its messages and answers them: one of the two encodings of `docs/wire.md`. */
export interface Exchange {
  /** Throws SluiceError for a message that is no request of this encoding. */
  read(message: BusMessage): WireRequest;
  /** `error` is given when the response is its problem document. Throws BusError. */
  write(message: BusMessage, response: WireResponse, error?: SluiceError): void;
}

/**
 * The gateway's envelope: request and response are msgpack. Problem documents travel inside it, without the ADR-32 error headers:
 * a reply that has those is by definition no envelope.
 */
export const envelopeExchange: Exchange = {
  read(message) {
    try {
      return decodeRequest(message.data);
    } catch (cause) {
      if (!(cause instanceof WireError)) throw cause;
      // Whoever sent this is no gateway, or one of another version: no client could have caused it.
      throw new SluiceError('bad_backend_response', 'The endpoint was called without a valid envelope.', {
        cause,
      });
    }
  },
  write: (message, response) => message.respond(encodeResponse(response)),
};
