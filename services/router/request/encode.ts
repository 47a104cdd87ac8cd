import { encodeResponse } from '@sluice/wire';
import { routeOf, type Phase } from './exchange.ts';
import { rawResponse } from './raw-reply.ts';
import { isServiceError, serviceErrorResponse } from './service-error.ts';

/** The reply as a response envelope: that of a msgpack backend is one already and goes back byte for byte. */
export function encode(): Phase {
  return function encode(exchange) {
    const { reply } = exchange;
    if (!reply) throw new TypeError('no reply: call comes first');
    if (isServiceError(reply))
      exchange.response = encodeResponse(serviceErrorResponse(reply, exchange.requestId));
    else if (routeOf(exchange).encoding === 'msgpack') exchange.response = reply.data;
    else exchange.response = encodeResponse(rawResponse(reply, exchange.toHead));
  };
}
