import { SluiceError } from '@sluice/errors';
import type { CompiledRoute } from '@sluice/routes';
import type { Caller } from '../caller.ts';
import { bearerChallenge } from '../credentials/bearer.ts';
import type { Exchange } from '../exchange.ts';

const refusal = 'The caller may not do this.';

/**
 * Whether the caller may do what it asks for: it needs one of the route's roles and all of its scopes. What is missing is
 * not said: the answer would tell outsiders how the gateway is set up. Exits: 403.
 */
export function authorise() {
  return function authorise({ route, caller }: Exchange): void {
    if (route === null || (route.roles.length === 0 && route.scopes.length === 0)) return;
    // Public, and yet asking for something that nobody has: closed rather than open.
    if (caller === null) throw new SluiceError('forbidden', refusal);
    if (!hasRole(route, caller)) throw new SluiceError('forbidden', refusal);
    if (!hasScopes(route, caller)) throw insufficientScope(caller);
  };
}

function hasRole({ roles }: CompiledRoute, { identity }: Caller): boolean {
  if (roles.length === 0) return true;
  for (let i = 0; i < roles.length; i++) if (identity.roles.includes(roles[i] as string)) return true;
  return false;
}

function hasScopes({ scopes }: CompiledRoute, { identity }: Caller): boolean {
  for (let i = 0; i < scopes.length; i++) if (!identity.scopes.includes(scopes[i] as string)) return false;
  return true;
}

/** RFC 6750 section 3.1: an OAuth client may ask for a token with more scopes, so it is told that this would help. */
function insufficientScope({ method }: Caller): SluiceError {
  if (method !== 'jwt' && method !== 'oauth') return new SluiceError('forbidden', refusal);
  return new SluiceError('forbidden', refusal, {
    headers: { 'www-authenticate': `${bearerChallenge}, error="insufficient_scope"` },
  });
}
