import { isAdminSubject, placeOf, type CompiledRoute } from '@sluice/routes';
import { checkClaim } from './claims.ts';
import type { GatewayDocument } from './document/gateway.ts';
import { FactError } from './facts.ts';
import { Overrides } from './overrides.ts';

/** An announced route that is in the table now and would not be any more. */
export interface LostRoute {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly reason: string;
}

/**
 * Announced routes that a document would take out of the table: they name a limit or a CORS policy that it no longer has,
 * their service may no longer announce them, or it declares a route in their place. `before` is the document that the
 * table was compiled from.
 *
 * As far as the table tells: what an override hides, and what the defaults say too, may have been announced or not. Nobody
 * is warned of what is not known.
 */
export function lostRoutes(
  table: Iterable<CompiledRoute>,
  before: GatewayDocument,
  after: GatewayDocument,
): LostRoute[] {
  const overrides = { before: new Overrides(before.overrides), after: new Overrides(after.overrides) };
  const places = new Map(after.routes.map((route) => [placeOf(route), route.id]));
  const ids = new Set(after.routes.map(({ id }) => id));
  const reasonOf = (route: CompiledRoute): string | null => {
    if (ids.has(route.id)) return 'the document declares a route with its id';
    const holder = places.get(placeOf(route));
    if (holder !== undefined) return `the document declares route ${holder} in its place`;
    const said = { before: overrides.before.of(route.id), after: overrides.after.of(route.id) };
    const limits = said.before?.limits || said.after?.limits ? [] : route.limits;
    const gone = limits.find(
      (name) => !before.defaults.limits?.includes(name) && !Object.hasOwn(after.limits, name),
    );
    if (gone !== undefined) return `limit "${gone}", which it announces, is not in the document`;
    const cors = said.before?.cors || said.after?.cors ? null : route.cors;
    if (cors !== null && cors !== before.defaults.cors && !Object.hasOwn(after.cors, cors))
      return `CORS policy "${cors}", which it announces, is not in the document`;
    return claimFault(route, after);
  };
  const lost: LostRoute[] = [];
  for (const route of table) {
    const reason = route.origin === 'discovered' ? reasonOf(route) : null;
    if (reason !== null) lost.push({ id: route.id, method: route.method, path: route.path, reason });
  }
  return lost.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function claimFault({ service, path, subject }: CompiledRoute, { services }: GatewayDocument): string | null {
  if (service === null || isAdminSubject(subject)) return null;
  try {
    checkClaim(services, service.name, path);
    return null;
  } catch (error) {
    if (error instanceof FactError) return error.message;
    throw error;
  }
}
