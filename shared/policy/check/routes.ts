import {
  belongsToAdmin,
  builtinRoutes,
  isAdminSubject,
  isReserved,
  reservedPaths,
  placeOf,
} from '@sluice/routes';
import type { GatewayDocument } from '../document/gateway.ts';
import type { References } from './references.ts';

/** Routes between two stops, for whoever serves requests meanwhile. */
const routesPerStep = 500;

/** What declared routes, overrides and the defaults say about each other and about the rest of the document. */
export function* checkRoutes(document: GatewayDocument, references: References): Generator<void> {
  references.names('limits', document.defaults.limits, ['defaults', 'limits']);
  references.name('cors', document.defaults.cors, ['defaults', 'cors']);
  for (const [index, route] of document.routes.entries()) {
    if (index % routesPerStep === 0) yield;
    checkPolicy(route, references, ['routes', index]);
    checkPlace(route, references, index);
  }
  yield* checkCollisions(document, references);
  checkOverrides(document, references);
}

type Policy = Pick<
  GatewayDocument['routes'][number],
  'auth' | 'roles' | 'scopes' | 'limits' | 'cors' | 'addresses'
>;

function checkPolicy(policy: Policy, references: References, path: readonly (string | number)[]): void {
  references.names('roles', policy.roles, [...path, 'roles']);
  references.names('limits', policy.limits, [...path, 'limits']);
  references.name('cors', policy.cors, [...path, 'cors']);
  references.addressRules(policy.addresses, [...path, 'addresses']);
  references.demands(policy, path);
}

/** Where declared routes may not be: on what the gateway answers itself, and on what only the admin service may answer. */
function checkPlace(
  route: { method: string; path: string; subject: string },
  references: References,
  index: number,
): void {
  // Edges look for their own paths first, whatever the method.
  if (isReserved(route.path))
    references.fault(
      ['routes', index, 'path'],
      `${route.path} is answered by the gateway itself`,
      `these are its own: ${reservedPaths.join(', ')}`,
    );
  if (belongsToAdmin(route.path))
    references.fault(['routes', index, 'path'], `${route.path} is for the gateway’s own admin service`);
  if (isAdminSubject(route.subject))
    references.fault(['routes', index, 'subject'], `${route.subject} is for the gateway’s own admin service`);
}

/** Two routes of one document may neither share an id nor answer the same requests. */
function* checkCollisions({ routes }: GatewayDocument, references: References): Generator<void> {
  const ids = new Map(builtinRoutes.map((route) => [route.id, 'the gateway itself']));
  const places = new Map<string, number>();
  for (const [index, route] of routes.entries()) {
    if (index % routesPerStep === 0) yield;
    const sameId = ids.get(route.id);
    if (sameId !== undefined)
      references.fault(['routes', index, 'id'], `id "${route.id}" is taken by ${sameId}`);
    else ids.set(route.id, `routes[${index}]`);
    const place = placeOf(route);
    const samePlace = places.get(place);
    if (samePlace !== undefined)
      references.fault(
        ['routes', index, 'path'],
        `${route.method} ${route.path} is already answered by routes[${samePlace}]`,
      );
    else places.set(place, index);
  }
}

/** Overrides are for announced routes. Of the admin API they may change how often it is called, not by whom. */
function checkOverrides(document: GatewayDocument, references: References): void {
  const declared = new Set(document.routes.map(({ id }) => id));
  for (const [id, policy] of Object.entries(document.overrides)) {
    const path = ['overrides', id];
    checkPolicy(policy, references, path);
    if (declared.has(id)) references.fault(path, `"${id}" is a declared route`, 'say it at the route itself');
    if (id !== 'admin' && !id.startsWith('admin.')) continue;
    for (const key of ['roles', 'scopes'] as const)
      if (policy[key]) references.fault([...path, key], 'what the admin API asks for cannot be changed');
    if (policy.auth === 'public')
      references.fault(
        [...path, 'auth'],
        'the admin API cannot be public',
        'name credentials, like [key, jwt]',
      );
  }
}
