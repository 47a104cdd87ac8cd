import { SluiceError } from '@sluice/errors';
import type { Caller } from '../caller.ts';
import type { Authenticator } from '../credentials/authenticator.ts';
import type { Exchange } from '../exchange.ts';

export interface AuthenticateOptions {
  readonly authenticator: Pick<Authenticator, 'identify' | 'current' | 'challenge'>;
}

/**
 * Finds out who calls, by the methods of the route in their order. Public routes look at no credential; a route that
 * nobody has opened is closed to everybody. Settles nothing. Exits: 400, 401 with `WWW-Authenticate`, 403, 503.
 */
export function authenticate({ authenticator }: AuthenticateOptions) {
  return function authenticate(exchange: Exchange): void | Promise<void> {
    const auth = exchange.route?.auth ?? [];
    if (auth === 'public') return undefined;
    if (auth.length === 0) throw new SluiceError('forbidden', 'Nobody has said who may call this route.');
    const caller = authenticator.identify(exchange, auth);
    if (caller instanceof Promise) return caller.then((found) => accept(exchange, auth, found));
    return accept(exchange, auth, caller);
  };

  function accept(exchange: Exchange, methods: readonly string[], caller: Caller | null): void {
    exchange.caller = caller ?? carried(exchange, methods);
    if (exchange.caller !== null) return;
    throw new SluiceError('unauthorized', 'This route needs credentials.', {
      headers: { 'www-authenticate': authenticator.challenge(methods) },
    });
  }

  /** Calls over a live connection without credentials of their own are made by whoever opened it. */
  function carried({ carried }: Exchange, methods: readonly string[]): Caller | null {
    return carried !== null && methods.includes(carried.method) ? authenticator.current(carried) : null;
  }
}
