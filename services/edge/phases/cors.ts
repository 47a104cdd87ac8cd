import type { CorsPolicies } from '../cors/policies.ts';
import type { Exchange } from '../exchange.ts';

export interface CorsOptions {
  readonly cors: CorsPolicies;
}

/**
 * Says which pages of other origins may read the answer, and settles preflights (204). It comes before authentication:
 * a preflight has no credentials, and a page has to be able to read that its own were refused.
 */
export function cors({ cors: policies }: CorsOptions) {
  return function cors(exchange: Exchange): void {
    decide(policies, exchange);
    if (exchange.preflight === null) return;
    const policy = policies.of(exchange);
    const { preflight, fields } = exchange;
    if (policy === null) exchange.answer(204, ['allow', preflight.join(', ')]);
    else exchange.answer(204, policy.preflight(fields.origin as string, preflight));
  };
}

/** The same for what was refused before: pages of the default policy's origins may read why. */
export function corsOfRefusals({ cors: policies }: CorsOptions) {
  return function corsOfRefusals(exchange: Exchange): void {
    if (!exchange.corsDecided) decide(policies, exchange);
  };
}

function decide(policies: CorsPolicies, exchange: Exchange): void {
  exchange.corsDecided = true;
  const policy = policies.of(exchange);
  if (policy === null || exchange.preflight !== null) return;
  exchange.ownsCors = true;
  exchange.addHeaders(policy.answer(exchange.fields.origin));
}
