import { SluiceError } from '@sluice/errors';
import type { Exchange } from '../exchange.ts';

/**
 * Lets calls of public routes through. Every other route asks for credentials, and a caller without a proven identity
 * has none: the answer is 401, so that a route is closed until something opens it. Exits: 401.
 */
export function authenticate() {
  return function authenticate(exchange: Exchange): void {
    if (exchange.route?.auth === 'public') return;
    throw new SluiceError('unauthorized', 'This route needs credentials.');
  };
}
