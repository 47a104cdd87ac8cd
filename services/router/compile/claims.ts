import { facts, type GatewayDocument } from '@sluice/policy';
import { belongsToAdmin, isAdminSubject, type CompiledRoute } from '@sluice/routes';

/**
 * Throws FactError when the service may not announce a route on this path: `services` of the document says who may what.
 * The admin API has its own place in any case: a document that forgets it must not be the last one that can be applied.
 */
export function checkClaim(
  services: GatewayDocument['services'],
  service: string,
  { path, subject }: Pick<CompiledRoute, 'path' | 'subject'>,
): void {
  if (isAdminSubject(subject)) return;
  const claims = Object.hasOwn(services, service) ? services[service] : services['*'];
  if (claims?.paths.some((prefix) => isWithin(path, prefix))) return;
  const allowed = claims?.paths.join(', ') || 'nothing';
  throw new facts.FactError(
    `service ${service} may not announce ${path}: \`services\` of the gateway document allows it ${allowed}`,
  );
}

/** `/v1/orders` holds itself and what is below it, not `/v1/ordersystem`; parameters are as they are written. */
function isWithin(path: string, prefix: string): boolean {
  const bare = prefix.replace(/\/+$/, '');
  return bare === '' || path === bare || path.startsWith(`${bare}/`);
}

/**
 * Throws FactError for a route that takes a place of the admin API without being one of its own, and for one of its own
 * that asks for less than it has to: whoever announces `sluice.admin.…` in the admin service's name gains nothing.
 */
export function checkAdmin(route: Pick<CompiledRoute, 'path' | 'subject' | 'auth' | 'roles'>): void {
  const place = belongsToAdmin(route.path);
  if (!isAdminSubject(route.subject)) {
    if (place) throw new facts.FactError(`${route.path} is for the gateway’s own admin service`);
    return;
  }
  if (!place)
    throw new facts.FactError(`${route.subject} answers below /admin and on /v1/usage, not ${route.path}`);
  if (route.auth === 'public') throw new facts.FactError('the admin API cannot be public');
  const roles = route.roles.filter((role) => role === 'admin' || role === 'viewer');
  if (route.path.startsWith('/admin') && (roles.length === 0 || roles.length < route.roles.length))
    throw new facts.FactError('routes below /admin ask for the roles admin or viewer, and for no other');
}
