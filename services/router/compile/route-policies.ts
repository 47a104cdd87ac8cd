import {
  checkClaim,
  facts,
  Overrides,
  type DeclaredRoute,
  type GatewayDocument,
  type Override,
} from '@sluice/policy';
import {
  belongsToAdmin,
  isAdminSubject,
  plainRoute,
  type CompiledRoute,
  type RouteAddresses,
  type RouteAuth,
} from '@sluice/routes';
import type { Announcement } from '../discovery/announcement.ts';
import { checkAdmin } from './claims.ts';

/**
 * Turns what a document and its services say about routes into compiled ones: its defaults, its overrides, and which
 * paths a service may have. Made once per document.
 */
export class RoutePolicies {
  readonly #document: GatewayDocument;
  readonly #defaultTimeoutMs: number;
  readonly #overrides: Overrides;
  /** Declared routes in the order of the document. */
  readonly declared: readonly CompiledRoute[];

  constructor(document: GatewayDocument, defaultTimeoutMs: number) {
    this.#document = document;
    this.#defaultTimeoutMs = defaultTimeoutMs;
    this.#overrides = new Overrides(document.overrides);
    this.declared = document.routes.map((route) => this.#declare(route));
  }

  /**
   * The route of an endpoint. What was announced stays beside what is in force: when an override is taken back while the
   * service cannot be asked, nothing of it is left. Throws FactError with the reason why it cannot be a route.
   */
  announced(
    id: string,
    service: { readonly name: string; readonly version: string },
    { auth, cost, timeoutMs, ...rest }: Announcement,
  ): CompiledRoute {
    const { roles, scopes, limits, cors, contentTypes, bodyLimit } = rest;
    this.#checkClaim(service.name, rest);
    const { defaults } = this.#document;
    const route: CompiledRoute = {
      ...plainRoute,
      ...rest,
      id,
      origin: 'discovered',
      service,
      auth: auth ?? this.#defaultAuth(roles, scopes),
      limits: this.#withDefaults(limits, rest.path),
      cors: cors ?? defaults.cors ?? null,
      cost: cost ?? plainRoute.cost,
      timeoutMs: timeoutMs ?? this.#defaultTimeoutMs,
      announced: { auth, roles, scopes, limits, cost, cors, contentTypes, timeoutMs, bodyLimit },
    };
    return this.#finish(route, this.#overrides.of(id));
  }

  /** The admin API has its own place in any case: a document that forgets it must not be the last one that can be applied. */
  #checkClaim(service: string, { path, subject }: Pick<CompiledRoute, 'path' | 'subject'>): void {
    if (!isAdminSubject(subject)) checkClaim(this.#document.services, service, path);
  }

  #finish(route: CompiledRoute, override: Override | null): CompiledRoute {
    const finished = override ? this.#override(route, override) : route;
    for (const name of finished.limits)
      if (!Object.hasOwn(this.#document.limits, name))
        throw new facts.FactError(`limit "${name}" is not in the gateway document`);
    if (finished.cors !== null && !Object.hasOwn(this.#document.cors, finished.cors))
      throw new facts.FactError(`CORS policy "${finished.cors}" is not in the gateway document`);
    checkAdmin(finished);
    return finished;
  }

  #override(route: CompiledRoute, said: Override): CompiledRoute {
    // Who opens a route to everybody means it, whatever the service asked for.
    const open = said.auth === 'public' ? { roles: [], scopes: [] } : null;
    return {
      ...route,
      ...(said.auth && { auth: said.auth }),
      ...(said.roles && { roles: said.roles }),
      ...(said.scopes && { scopes: said.scopes }),
      ...open,
      ...(said.limits && { limits: this.#withDefaults(said.limits, route.path) }),
      ...(said.cost !== undefined && { cost: said.cost }),
      ...(said.cors !== undefined && { cors: said.cors }),
      ...(said.addresses && { addresses: addressesOf(said.addresses) }),
      ...(said.timeout !== undefined && { timeoutMs: said.timeout }),
      ...(said.body_limit !== undefined && { bodyLimit: said.body_limit }),
      ...(said.content_types && { contentTypes: said.content_types }),
    };
  }

  #declare(route: DeclaredRoute): CompiledRoute {
    const { defaults } = this.#document;
    const roles = route.roles ?? [];
    const scopes = route.scopes ?? [];
    return {
      ...plainRoute,
      id: route.id,
      method: route.method,
      path: route.path,
      origin: 'declared',
      service: null,
      subject: route.subject,
      encoding: route.encoding,
      auth: route.auth ?? this.#defaultAuth(roles, scopes),
      roles,
      scopes,
      limits: this.#withDefaults(route.limits ?? [], route.path),
      cost: route.cost ?? plainRoute.cost,
      cors: route.cors ?? defaults.cors ?? null,
      addresses: addressesOf(route.addresses),
      contentTypes: route.content_types ?? null,
      timeoutMs: route.timeout ?? this.#defaultTimeoutMs,
      bodyLimit: route.body_limit ?? null,
      headers: route.headers,
      schemas: route.schema ?? null,
      summary: route.summary ?? null,
    };
  }

  /** Nothing said means nobody. Roles or scopes of a caller whom `public` would not ask who they are mean nobody too. */
  #defaultAuth(roles: readonly string[], scopes: readonly string[]): RouteAuth {
    const { auth = [] } = this.#document.defaults;
    return auth === 'public' && roles.length + scopes.length > 0 ? [] : auth;
  }

  /** Not on the control API: a default limit that is too tight must not lock out whoever could change it. */
  #withDefaults(limits: readonly string[], path: string): string[] {
    const defaults = path.startsWith('/admin') && belongsToAdmin(path) ? [] : this.#document.defaults.limits;
    return [...new Set([...(defaults ?? []), ...limits])];
  }
}

function addressesOf(rules: DeclaredRoute['addresses']): RouteAddresses | null {
  return rules ? { allow: rules.allow ?? null, deny: rules.deny } : null;
}
