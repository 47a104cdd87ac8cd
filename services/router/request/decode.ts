import { SluiceError } from '@sluice/errors';
import type { CompiledRoute, RouteTable } from '@sluice/routes';
import { decodeHead, WireError, type RequestHead } from '@sluice/wire';
import type { Traffic } from '../traffic.ts';
import type { Exchange, Phase } from './exchange.ts';

/**
 * Reads the head of the envelope and finds the route by the id the edge matched. Edges and routers follow the same
 * table, each in its own time: an id that is not there yet is waited for, at most `patienceMs`. After that it is 503
 * rather than 404, because the edge is who knows paths; the retry meets an edge that has caught up.
 */
export function decode(options: { table: RouteTable; traffic: Traffic; patienceMs: number }): Phase {
  const { table, traffic, patienceMs } = options;
  const found = (exchange: Exchange, route: CompiledRoute): void => {
    exchange.route = route;
    exchange.counters = traffic.of(route.id);
  };
  return function decode(exchange) {
    const head = read(exchange.message.data);
    exchange.requestId = head.id;
    exchange.trace = head.trace;
    exchange.deadline = head.deadline;
    const route = table.get(head.route);
    if (route) return found(exchange, route);
    return late(table, head, patienceMs).then((route) => found(exchange, route));
  };
}

function read(payload: Uint8Array): RequestHead {
  try {
    return decodeHead(payload);
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    throw new SluiceError('bad_request', 'The message is not a request of the gateway.', { cause });
  }
}

function late(table: RouteTable, head: RequestHead, patienceMs: number): Promise<CompiledRoute> {
  return new Promise((resolve, reject) => {
    const settle = (route: CompiledRoute | undefined): void => {
      clearTimeout(timer);
      stopListening();
      if (route) resolve(route);
      else
        reject(
          new SluiceError('unavailable', 'The route is not known here yet, or no longer.', {
            cause: new Error(`no route ${head.route} in the table`),
          }),
        );
    };
    const waitMs = Math.max(0, Math.min(patienceMs, head.deadline - Date.now()));
    const timer = setTimeout(() => settle(table.get(head.route)), waitMs);
    const stopListening = table.onChange(() => {
      const route = table.get(head.route);
      if (route) settle(route);
    });
  });
}
