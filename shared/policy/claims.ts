import { FactError } from './facts.ts';
import type { GatewayDocument } from './document/gateway.ts';

/** Throws FactError when the service may not announce a route on this path: `services` of the document says who may what. */
export function checkClaim(services: GatewayDocument['services'], service: string, path: string): void {
  const claims = Object.hasOwn(services, service) ? services[service] : services['*'];
  if (claims?.paths.some((prefix) => isWithin(path, prefix))) return;
  const allowed = claims?.paths.join(', ') || 'nothing';
  throw new FactError(
    `service ${service} may not announce ${path}: \`services\` of the gateway document allows it ${allowed}`,
  );
}

/** `/v1/orders` holds itself and what is below it, not `/v1/ordersystem`; parameters are as they are written. */
function isWithin(path: string, prefix: string): boolean {
  const bare = prefix.replace(/\/+$/, '');
  return bare === '' || path === bare || path.startsWith(`${bare}/`);
}
