import { SluiceError } from '@sluice/errors';
import type { CompiledRoute } from '@sluice/routes';
import type { AnnouncedSchemas, SchemaStore } from '../openapi/schema-store.ts';
import { compileRequestCheck, type RequestCheck } from './request-check.ts';

export interface RouteChecksOptions {
  readonly schemas: Pick<SchemaStore, 'announced' | 'load'>;
  /** Told when a route's schemas cannot be compiled: its requests are refused until they can. */
  readonly report: (problem: { route: string; detail: string }) => void;
}

/** Compiled, with the announced text it was made from; null where the schemas cannot be used. */
interface Compiled {
  readonly check: RequestCheck | null;
  readonly text: string;
}

/**
 * The compiled checks of all routes: made when a route is first called, once per schema, and gone with the route (the
 * table gives a changed route as a new object).
 */
export class RouteChecks {
  readonly #schemas: RouteChecksOptions['schemas'];
  readonly #report: RouteChecksOptions['report'];
  readonly #compiled = new WeakMap<CompiledRoute, Compiled>();

  constructor(options: RouteChecksOptions) {
    this.#schemas = options.schemas;
    this.#report = options.report;
  }

  /**
   * The check of a route that has one. Throws, or rejects with, SluiceError `unavailable` while its schemas cannot be
   * had: a request that nobody has checked must not reach a backend that relies on it.
   */
  of(route: CompiledRoute): RequestCheck | Promise<RequestCheck> {
    if (route.schemas !== null) {
      const known =
        this.#compiled.get(route) ??
        this.#compile(route, { schemas: route.schemas, bodyContentType: null, text: '' });
      return usable(known);
    }
    const announced = this.#schemas.announced(route);
    if (announced === undefined)
      return this.#schemas.load(route).then((loaded) => this.#announced(route, loaded));
    return this.#announced(route, announced);
  }

  #announced(route: CompiledRoute, announced: AnnouncedSchemas | null): RequestCheck {
    if (announced === null) throw unusable('The schemas of the endpoint cannot be had at the moment.');
    const known = this.#compiled.get(route);
    return usable(known?.text === announced.text ? known : this.#compile(route, announced));
  }

  #compile(route: CompiledRoute, { schemas, bodyContentType, text }: AnnouncedSchemas): Compiled {
    let check: RequestCheck | null = null;
    try {
      check = compileRequestCheck({ schemas, bodyContentType, contentTypes: route.contentTypes });
    } catch (error) {
      this.#report({ route: route.id, detail: error instanceof Error ? error.message : String(error) });
    }
    const compiled = { check, text };
    this.#compiled.set(route, compiled);
    return compiled;
  }
}

function usable({ check }: Compiled): RequestCheck {
  if (check === null) throw unusable('The schemas of the endpoint cannot be used.');
  return check;
}

function unusable(detail: string): SluiceError {
  return new SluiceError('unavailable', detail, { retryAfter: 5 });
}
