/** Where a route came from: written by people, or announced by an ADR-32 service. */
export type RouteOrigin = 'declared' | 'discovered';

/** `public`, or the credential methods that are accepted. */
export type RouteAuth = 'public' | readonly string[];

/**
 * A route as edges and routers follow it: one value of KV `routes`, stored as JSON so that `nats kv get` shows it.
 * Everything is checked and resolved when it is compiled; nobody checks it again.
 */
export interface CompiledRoute {
  /** Unique, and usable as a KV key. Declared routes keep their own; discovered ones are `<service>.<endpoint>`. */
  readonly id: string;
  /** Upper-case method, or `*` for every method that has no route of its own on this path. */
  readonly method: string;
  /** Path template: `/v1/orders/{id}`, `/files/{path...}`. */
  readonly path: string;
  readonly origin: RouteOrigin;
  /** Name and version of the announcing service; null for declared routes. */
  readonly service: { readonly name: string; readonly version: string } | null;
  /** Subject that answers. */
  readonly subject: string;
  readonly encoding: 'raw' | 'msgpack';
  readonly auth: RouteAuth;
  /** Time from edge to answer, milliseconds. */
  readonly timeoutMs: number;
  /** Largest request body, bytes; null for the edge's own limit. */
  readonly bodyLimit: number | null;
  /** Request header fields a raw backend asked for, lower case. */
  readonly headers: readonly string[];
  /** Subject that answers the endpoint's JSON Schemas; null where there is none. */
  readonly schemaSubject: string | null;
  readonly summary: string | null;
}

/** Why a declared or announced route is not in the table; value of a `problem.<id>` key. */
export interface RouteProblem {
  readonly id: string;
  readonly origin: RouteOrigin;
  readonly source: string;
  readonly detail: string;
}
