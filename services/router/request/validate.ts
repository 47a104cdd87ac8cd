import type { RequestCheck } from '../validation/request-check.ts';
import type { RouteChecks } from '../validation/route-checks.ts';
import { inputOf, routeOf, type Exchange, type Phase } from './exchange.ts';

/**
 * Checks parameters, headers and body against the schemas of routes that ask for it; all others pass undecoded. Exits:
 * 400 `invalid_parameters` with every place, 415, 503 while the schemas of the endpoint cannot be had.
 */
export function validate(options: { checks: Pick<RouteChecks, 'of'> }): Phase {
  const { checks } = options;
  return function validate(exchange: Exchange) {
    const route = routeOf(exchange);
    if (!route.validate && route.schemas === null) return undefined;
    const check = checks.of(route);
    if (check instanceof Promise) return check.then((loaded) => run(loaded, exchange));
    return run(check, exchange);
  };
}

function run({ check, readsHeaders }: RequestCheck, exchange: Exchange): void {
  check(inputOf(exchange, readsHeaders));
}
