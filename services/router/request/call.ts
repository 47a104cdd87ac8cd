import { SluiceError } from '@sluice/errors';
import { BusError, type Bus, type BusMessage } from '@sluice/nats';
import { natsHeaders } from '@sluice/wire';
import { requestOf, routeOf, type Exchange, type Phase } from './exchange.ts';
import { rawHeaders } from './raw-request.ts';

/**
 * Calls the backend. A msgpack backend gets the edge's bytes as they came; a raw one gets the body and NATS headers.
 * `observe` is told the backend's time in seconds when it has answered.
 */
export function call(options: { bus: Bus; observe: (seconds: number) => void }): Phase {
  const { bus, observe } = options;
  return async function call(exchange) {
    const began = performance.now();
    exchange.reply = await send(bus, exchange);
    const seconds = (performance.now() - began) / 1000;
    observe(seconds);
    if (exchange.counters) exchange.counters.upstreamSeconds += seconds;
  };
}

async function send(bus: Bus, exchange: Exchange): Promise<BusMessage> {
  const { deadline, message } = exchange;
  const { encoding, subject, headers } = routeOf(exchange);
  try {
    if (encoding === 'msgpack')
      return await bus.request(subject, message.data, { deadline, headers: hopHeaders(exchange) });
    const request = requestOf(exchange);
    exchange.toHead = request.method === 'HEAD';
    return await bus.request(subject, request.body, {
      deadline,
      headers: rawHeaders(request, headers, deadline),
    });
  } catch (error) {
    if (error instanceof BusError) throw refusal(error);
    throw error;
  }
}

function hopHeaders({ deadline, trace }: Exchange): string[] {
  const headers = [natsHeaders.deadline, String(deadline)];
  if (trace !== '') headers.push(natsHeaders.traceparent, trace);
  return headers;
}

function refusal(cause: BusError): SluiceError {
  switch (cause.kind) {
    case 'no_responders':
      return new SluiceError('unavailable', 'No instance of the backend is there.', { cause });
    case 'disconnected':
      return new SluiceError('unavailable', 'The gateway has lost its bus.', { cause });
    case 'timeout':
      return new SluiceError('deadline_exceeded', 'The backend did not answer in time.', { cause });
    case 'too_large':
      return new SluiceError('body_too_large', 'The request is larger than the bus takes.', { cause });
    default:
      return new SluiceError('internal', 'The request could not be sent to the backend.', { cause });
  }
}
