import type { Logger } from '@sluice/telemetry';
import { headerValue, type FlatHeaders } from '@sluice/wire';
import type { Exchange } from '../exchange.ts';
import { replyHeaders } from '../http/reply-headers.ts';
import type { SecurityHeaders } from '../security-headers.ts';

export interface RespondOptions {
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  readonly securityHeaders: Pick<SecurityHeaders, 'of'>;
}

const noBytes = new Uint8Array(0);
const digits = /^[0-9]{1,15}$/;

/**
 * Frames the answer (the gateway's own Content-Length, no body where HTTP has none) and gives it to the outlet. Every
 * exchange comes through here, so nothing in it may throw.
 */
export function respond(options: RespondOptions) {
  return function respond(exchange: Exchange): void {
    if (exchange.handedOver) return;
    const declared = exchange.method === 'HEAD' ? headerValue(exchange.headers, 'content-length') : undefined;
    const headers = replyHeaders(exchange.headers, exchange);
    complete(headers, options.securityHeaders.of(exchange));
    const { status } = exchange;
    if (status === 204 || status === 304) {
      // RFC 9110 sections 15.3.5 and 15.4.5: no content, and for 204 no Content-Length either.
      exchange.reply = noBytes;
    } else if (status === 205) {
      exchange.reply = noBytes;
      headers.push('content-length', '0');
    } else if (exchange.method === 'HEAD') {
      // RFC 9110 section 8.6: the length GET would have. A backend that knows HEAD itself may say it without a body.
      if (exchange.reply.length === 0 && declared !== undefined && digits.test(declared))
        headers.push('content-length', declared);
      else headers.push('content-length', String(exchange.reply.length));
      exchange.reply = noBytes;
    } else {
      headers.push('content-length', String(exchange.reply.length));
    }
    exchange.headers = headers;
    if (exchange.error && exchange.error.status >= 500) logFailure(options.logger, exchange);
    try {
      exchange.outlet.send(exchange);
    } catch (error) {
      // Half an answer is out already, or a fault of ours: whatever it is, it must not reach further than this client.
      options.logger.error({ request_id: exchange.requestId, err: error }, 'answer could not be sent');
      exchange.outlet.abort();
    }
  };
}

/** Adds what is not there yet: a backend knows its own answer best. */
function complete(headers: string[], fields: FlatHeaders): void {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (headerValue(headers, name) === undefined) headers.push(name, fields[i + 1] as string);
  }
}

function logFailure(logger: RespondOptions['logger'], exchange: Exchange): void {
  const { error, requestId, route } = exchange;
  const facts = { request_id: requestId, route: route?.id, code: error?.code, err: error?.cause };
  if (error?.code === 'internal') logger.error(facts, 'request failed in the gateway');
  else if (error?.code === 'bad_backend_response') logger.warn(facts, 'backend answered nonsense');
}
