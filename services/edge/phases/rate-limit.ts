import type { Consumer } from '@sluice/policy';
import type { Exchange } from '../exchange.ts';
import type { Limits } from '../limits/mod.ts';

export interface RateLimitOptions {
  readonly limits: Pick<Limits, 'any' | 'admit'>;
  readonly consumers: { find(id: string): Consumer | null | Promise<Consumer | null> };
}

/**
 * Spends one token, or what the route costs, of every limit and quota that the call has: nothing for a call that one of
 * them refuses. At once where the edge holds leases, otherwise after one message. Puts the `RateLimit` fields on the
 * answer. Exits: 429 with `Retry-After`; 503 where nobody grants leases and a policy wants to be closed then.
 */
export function rateLimit(options: RateLimitOptions) {
  const { limits, consumers } = options;
  return function rateLimit(exchange: Exchange): void | Promise<void> {
    const id = exchange.caller?.consumer;
    if (id && limits.any) {
      const found = consumers.find(id);
      if (found instanceof Promise) return found.then(() => limits.admit(exchange));
    }
    return limits.admit(exchange);
  };
}
