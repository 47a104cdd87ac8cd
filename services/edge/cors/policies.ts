import type { GatewayDocument } from '@sluice/policy';
import type { CompiledRoute } from '@sluice/routes';
import type { Exchange } from '../exchange.ts';
import { CorsPolicy } from './policy.ts';

/** The gateway document, as far as it is looked at here. */
export interface CorsDocuments {
  readonly current: Pick<GatewayDocument, 'cors' | 'defaults'>;
  onChange(listener: (document: Pick<GatewayDocument, 'cors' | 'defaults'>) => void): () => void;
}

/** Lets nobody read: what a route gets whose policy this edge does not have (yet). */
const closed = new CorsPolicy({ origins: [], headers: [], expose: [], credentials: false, max_age: 0 });

/** The policies of the document by name, compiled anew when it changes. */
export class CorsPolicies {
  #policies = new Map<string, CorsPolicy>();
  #fallback: CorsPolicy | null = null;

  constructor(documents: CorsDocuments) {
    this.#compile(documents.current);
    documents.onChange((document) => this.#compile(document));
  }

  /** The policy for a request; null where nobody has one and the backend may speak for itself. */
  of(exchange: Exchange): CorsPolicy | null {
    return this.ofRoute(exchange.own === null ? exchange.route : null);
  }

  /** The same for a route; null means that none was found, or a path of the gateway's own. */
  ofRoute(route: CompiledRoute | null): CorsPolicy | null {
    if (route === null) return this.#fallback;
    return route.cors === null ? null : (this.#policies.get(route.cors) ?? closed);
  }

  #compile({ cors, defaults }: Pick<GatewayDocument, 'cors' | 'defaults'>): void {
    const policies = new Map(Object.entries(cors).map(([name, rules]) => [name, new CorsPolicy(rules)]));
    this.#policies = policies;
    this.#fallback = defaults.cors === undefined ? null : (policies.get(defaults.cors) ?? closed);
  }
}
