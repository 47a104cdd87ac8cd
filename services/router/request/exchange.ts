import { SluiceError } from '@sluice/errors';
import type { BusMessage } from '@sluice/nats';
import type { CompiledRoute } from '@sluice/routes';
import { decodeInput, decodeRequest, WireError, type RequestInput, type WireRequest } from '@sluice/wire';
import type { RouteCounters } from '../traffic.ts';

/** One request on its way through the router; each phase adds what later ones need. */
export interface Exchange {
  readonly message: BusMessage;
  /** Set by `decode`. The request id is empty until the envelope has been read. */
  requestId: string;
  trace: string;
  deadline: number;
  route: CompiledRoute | undefined;
  counters: RouteCounters | undefined;
  /** Set by {@link requestOf}: most requests are passed on undecoded. */
  request: WireRequest | undefined;
  /** Set by `call` for raw backends: the request is a HEAD. */
  toHead: boolean;
  /** Set by `call`. */
  reply: BusMessage | undefined;
  /** Set by `encode`: the response envelope. */
  response: Uint8Array | undefined;
}

/** A step of the request path. It throws a SluiceError to end the request with a problem document. */
export type Phase = (exchange: Exchange) => void | Promise<void>;

export function newExchange(message: BusMessage): Exchange {
  return {
    message,
    requestId: '',
    trace: '',
    deadline: 0,
    route: undefined,
    counters: undefined,
    request: undefined,
    toHead: false,
    reply: undefined,
    response: undefined,
  };
}

/** The route of an exchange that has passed `decode`. */
export function routeOf(exchange: Exchange): CompiledRoute {
  if (!exchange.route) throw new TypeError('no route: decode comes first');
  return exchange.route;
}

/** The whole request, decoded when it is first asked for. Throws SluiceError `bad_request` for what is no envelope. */
export function requestOf(exchange: Exchange): WireRequest {
  try {
    return (exchange.request ??= decodeRequest(exchange.message.data));
  } catch (cause) {
    throw noRequest(cause);
  }
}

/** What schemas look at. Throws like {@link requestOf}, which is asked where somebody needs the whole request anyway. */
export function inputOf(exchange: Exchange, withHeaders: boolean): RequestInput {
  if (routeOf(exchange).encoding === 'raw') return requestOf(exchange);
  try {
    return decodeInput(exchange.message.data, withHeaders);
  } catch (cause) {
    throw noRequest(cause);
  }
}

function noRequest(cause: unknown): unknown {
  if (!(cause instanceof WireError)) return cause;
  return new SluiceError('bad_request', 'The message is not a request of the gateway.', { cause });
}
