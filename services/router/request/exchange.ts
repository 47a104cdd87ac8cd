import type { BusMessage } from '@sluice/nats';
import type { CompiledRoute } from '@sluice/routes';
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
