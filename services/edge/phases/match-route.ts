import { SluiceError } from '@sluice/errors';
import type { RouteTable } from '@sluice/routes';
import type { CorsPolicies } from '../cors/policies.ts';
import type { Exchange } from '../exchange.ts';
import type { LocalRoute } from '../local-routes.ts';

export interface MatchOptions {
  readonly table: Pick<RouteTable, 'match' | 'ready'>;
  /** Paths that the edge knows itself; null where the path is not one of them. */
  readonly local: (path: string) => LocalRoute | null;
  readonly cors: Pick<CorsPolicies, 'ofRoute'>;
}

/** What the gateway as a whole understands: the answer to `OPTIONS *`. */
const everyMethod = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';

/**
 * Finds the route in the replica, without a message, or the page of the edge's own. Settles OPTIONS (204 with `Allow`); a
 * CORS preflight gets the route of the method that it asks about, so that the phases up to CORS see that one.
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
    if (isPreflight(exchange) && matchPreflight(options, exchange)) return undefined;
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

function isPreflight({ method, fields }: Exchange): boolean {
  return method === 'OPTIONS' && fields.origin !== null && fields.preflightMethod !== null;
}

/** False where the gateway has no policy: OPTIONS then goes its ordinary way, to a backend that knows CORS itself. */
function matchPreflight({ table, cors }: MatchOptions, exchange: Exchange): boolean {
  const wanted = exchange.fields.preflightMethod as string;
  const match = table.match(wanted === 'TRACE' ? '' : wanted, exchange.segments);
  if (match.kind === 'none') return false;
  const route = match.kind === 'route' ? match.route : null;
  const policy = cors.ofRoute(route);
  if (policy === null) return false;
  exchange.route = route;
  if (route !== null) exchange.label = route.path;
  // With a route for every method there is no list, and the one that was asked about is enough.
  const every = table.match('', exchange.segments);
  exchange.preflight =
    every.kind !== 'method'
      ? [wanted]
      : // Browsers keep the answer for the whole path: a method with another policy must not be in it.
        every.allow.filter((method) => {
          const found = table.match(method, exchange.segments);
          return found.kind === 'route' && cors.ofRoute(found.route) === policy;
        });
  return true;
}

function matchLocal(own: LocalRoute, exchange: Exchange): void {
  exchange.label = own.label;
  exchange.own = own;
  if (isPreflight(exchange)) {
    exchange.preflight = own.methods;
    return undefined;
  }
  if (own.methods.includes(exchange.method)) {
    exchange.route = own.route;
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
