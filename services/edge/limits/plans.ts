import type { Consumer } from '@sluice/policy';
import { belongsToAdmin, type CompiledRoute } from '@sluice/routes';
import { policyField } from './fields.ts';
import type { Meter, Meters } from './meter.ts';

/** What a call of one route by one consumer spends. */
export interface Plan {
  readonly meters: readonly Meter[];
  readonly cost: number;
  /** Value of `RateLimit-Policy`. */
  readonly policyField: string;
}

/**
 * The plans of one document, compiled at the first call of a route and kept as long as the route: limits of the route (those
 * of the document's defaults are among them), then the consumer's own, then its quotas, each once. The gateway's own
 * places use no quota: whoever has none left must still see that, and be able to change it.
 */
export class Plans {
  readonly #meters: Meters;
  readonly #unknown: (policy: string, route: string) => void;
  readonly #anonymous = new WeakMap<CompiledRoute, Plan | 'none'>();
  readonly #consumers = new WeakMap<Consumer, WeakMap<CompiledRoute, Plan | 'none'>>();

  /** `unknown` is told of a route that names a limit which the document does not have: nothing bounds it then. */
  constructor(meters: Meters, unknown: (policy: string, route: string) => void) {
    this.#meters = meters;
    this.#unknown = unknown;
  }

  /** Null: nothing is to be spent. */
  of(route: CompiledRoute, consumer: Consumer | null): Plan | null {
    let plans = this.#anonymous;
    if (consumer !== null && consumer.limits.length + consumer.quotas.length > 0) {
      const own = this.#consumers.get(consumer);
      if (own === undefined) this.#consumers.set(consumer, (plans = new WeakMap()));
      else plans = own;
    }
    let plan = plans.get(route);
    if (plan === undefined) plans.set(route, (plan = this.#compile(route, consumer)));
    return plan === 'none' ? null : plan;
  }

  #compile(route: CompiledRoute, consumer: Consumer | null): Plan | 'none' {
    const quotas = consumer === null || belongsToAdmin(route.path) ? [] : consumer.quotas;
    const names = new Set([...route.limits, ...(consumer?.limits ?? []), ...quotas]);
    const meters = [...names].flatMap((name) => {
      const found = this.#meters.get(name);
      if (found === undefined) this.#unknown(name, route.id);
      return found ?? [];
    });
    if (meters.length === 0) return 'none';
    return { meters, cost: route.cost, policyField: policyField(meters) };
  }
}
