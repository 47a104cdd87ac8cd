import { SluiceError } from '@sluice/errors';
import { isBusError, type Bus } from '@sluice/nats';
import { isAdminSubject, openapiRoute, type CompiledRoute } from '@sluice/routes';
import { decodeResponse, encodeRequest, natsHeaders, subjects, WireError } from '@sluice/wire';
import type { Exchange } from '../exchange.ts';
import { backendFields, type BackendFieldsOptions } from '../http/backend-fields.ts';
import { controlFields } from '../http/control-fields.ts';

export interface DispatchOptions extends BackendFieldsOptions {
  readonly bus: Pick<Bus, 'request'>;
}

/**
 * One message to a router, one answer back, until the route's deadline. Exits: 413 when NATS does not take the message,
 * 502, 503 with `Retry-After`, 504.
 */
export function dispatch(options: DispatchOptions) {
  const { bus } = options;
  const fieldsFor = backendFields(options);
  return function dispatch(exchange: Exchange): Promise<void> {
    const route = exchange.route as CompiledRoute;
    const deadline = Date.now() + route.timeoutMs;
    const fields = fieldsFor(exchange.fields, exchange.caller);
    const payload = encodeRequest({
      // A GET route answers HEAD: its backend need not know.
      method: exchange.method === 'HEAD' && route.method === 'GET' ? 'GET' : exchange.method,
      path: exchange.path,
      route: route.id,
      params: exchange.params,
      query: exchange.query,
      headers: isAdminSubject(route.subject) ? controlFields(fields, exchange.caller) : fields,
      body: exchange.body,
      identity: exchange.caller === null ? null : exchange.caller.identity,
      client: exchange.client,
      id: exchange.requestId,
      deadline,
      trace: exchange.trace,
    });
    const subject = route === openapiRoute ? subjects.openapi : subjects.route;
    const headers = [natsHeaders.traceparent, exchange.trace, natsHeaders.deadline, String(deadline)];
    const sentAt = performance.now();
    return bus.request(subject, payload, { deadline, headers }).then(
      (message) => {
        exchange.backendMs = performance.now() - sentAt;
        accept(exchange, message.data);
      },
      (error: unknown) => {
        exchange.backendMs = performance.now() - sentAt;
        throw dispatchError(error);
      },
    );
  };
}

function accept(exchange: Exchange, data: Uint8Array): void {
  try {
    const { status, headers, body } = decodeResponse(data);
    exchange.answer(status, headers, body);
  } catch (error) {
    throw dispatchError(error);
  }
}

function dispatchError(cause: unknown): unknown {
  if (cause instanceof WireError)
    return new SluiceError('bad_backend_response', 'The backend answered something that is no response.', {
      cause,
    });
  if (!isBusError(cause)) return cause;
  switch (cause.kind) {
    case 'disconnected':
      return new SluiceError('unavailable', 'The gateway has lost its connection to the backends.', {
        cause,
      });
    case 'no_responders':
      return new SluiceError('unavailable', 'Nobody is there to answer at the moment.', { cause });
    case 'timeout':
      return new SluiceError('deadline_exceeded', 'The backend did not answer in time.', { cause });
    case 'too_large':
      return new SluiceError('body_too_large', 'The request is larger than the gateway can carry.', {
        cause,
      });
    case 'rejected':
    default:
      return cause;
  }
}
