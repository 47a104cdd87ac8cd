import { facts } from '@sluice/policy';
import { belongsToAdmin, isAdminSubject, type CompiledRoute } from '@sluice/routes';

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
