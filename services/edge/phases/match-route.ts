import { SluiceError } from '@sluice/errors';
import type { RouteTable } from '@sluice/routes';
import type { Exchange } from '../exchange.ts';
import type { LocalRoute } from '../local-routes.ts';

export interface MatchOptions {
  readonly table: Pick<RouteTable, 'match' | 'ready'>;
  /** Paths that the edge knows itself; null where the path is not one of them. */
  readonly local: (path: string) => LocalRoute | null;
}

/** What the gateway as a whole understands: the answer to `OPTIONS *`. */
const everyMethod = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';

/**
 * Finds the route in the replica, without a message. Settles OPTIONS (204 with `Allow`) and the edge's own pages.
 * Exits: 404, 405 with `Allow`, 503 while the table has not been read yet.
 */
export function matchRoute(options: MatchOptions) {
  return function matchRoute(exchange: Exchange): void {
    const { method } = exchange;
    if (exchange.target === '*') return exchange.answer(204, ['allow', everyMethod]);
    const own = options.local(exchange.path);
    if (own) return matchLocal(own, exchange);

    if (!options.table.ready)
      throw new SluiceError('unavailable', 'The gateway has not read its routes yet.');
    if (exchange.slash) throw notFound();
    // RFC 9110 section 9.3.8: TRACE would show a client what the gateway added to its request.
    const match = options.table.match(method === 'TRACE' ? '' : method, exchange.segments);
    switch (match.kind) {
      case 'route':
        if (method === 'TRACE') throw notAllowed(everyMethod);
        exchange.params = match.params;
        exchange.label = match.route.path;
        exchange.route = match.route;
        return undefined;
      case 'method': {
        const allow = match.allow.join(', ');
        if (method === 'OPTIONS') return exchange.answer(204, ['allow', allow]);
        throw notAllowed(allow);
      }
      case 'none':
        throw notFound();
    }
  };
}

function matchLocal(own: LocalRoute, exchange: Exchange): void {
  exchange.label = own.label;
  if (own.methods.includes(exchange.method)) {
    if (own.route) exchange.route = own.route;
    else own.handle(exchange);
    return undefined;
  }
  const allow = [...own.methods, 'OPTIONS'].join(', ');
  if (exchange.method === 'OPTIONS') return exchange.answer(204, ['allow', allow]);
  throw notAllowed(allow);
}

function notFound(): SluiceError {
  return new SluiceError('not_found', 'No route has this path.');
}

function notAllowed(allow: string): SluiceError {
  return new SluiceError('method_not_allowed', 'The path does not have this method.', { headers: { allow } });
}
