import { SluiceError } from '@sluice/errors';
import { routeOf, type Phase } from './exchange.ts';

/**
 * Refuses what can no longer be answered in time, and lets no request wait longer than its route allows, whatever
 * deadline its sender wrote.
 */
export function guard(): Phase {
  return function guard(exchange) {
    const now = Date.now();
    if (exchange.deadline <= now)
      throw new SluiceError('deadline_exceeded', 'The deadline had passed before the backend was called.');
    exchange.deadline = Math.min(exchange.deadline, now + routeOf(exchange).timeoutMs);
  };
}
