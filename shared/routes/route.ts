/** Where a route came from: written by people, or announced by an ADR-32 service. */
export type RouteOrigin = 'declared' | 'discovered';

/** `public`, or the credential methods that are accepted, in the order they are tried; an empty list is met by nobody. */
export type RouteAuth = 'public' | readonly string[];

/** Who may call by address: names of lists, addresses, CIDR blocks, `country:XX`. */
export interface RouteAddresses {
  /** Null: everybody whom `deny` does not name. */
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
}

/** JSON Schemas of a declared route; `true` where anything goes. */
export interface RouteSchemas {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly response?: unknown;
}

/**
 * What a service said of its route where the gateway document may say otherwise; null where it said nothing. It is what a
 * later document starts from while the service cannot be asked.
 */
export interface AnnouncedPolicies
  extends Pick<CompiledRoute, 'roles' | 'scopes' | 'limits' | 'cors' | 'contentTypes' | 'bodyLimit'> {
  readonly auth: RouteAuth | null;
  readonly cost: number | null;
  readonly timeoutMs: number | null;
}

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
  /** The caller needs one of these; empty: no role is asked for. */
  readonly roles: readonly string[];
  /** The caller needs all of these. */
  readonly scopes: readonly string[];
  /** Names of limits that a call spends, those of the document's defaults included. */
  readonly limits: readonly string[];
  /** Tokens that a call spends of each limit and quota. */
  readonly cost: number;
  /** Name of the CORS policy; null: none. */
  readonly cors: string | null;
  readonly addresses: RouteAddresses | null;
  /** Media types that a body may have; null: any. */
  readonly contentTypes: readonly string[] | null;
  /** Time from edge to answer, milliseconds. */
  readonly timeoutMs: number;
  /** Largest request body, bytes; null for the edge's own limit. */
  readonly bodyLimit: number | null;
  /** Request header fields a raw backend asked for, lower case. */
  readonly headers: readonly string[];
  /** Subject that answers the endpoint's JSON Schemas; null where there is none. */
  readonly schemaSubject: string | null;
  /** Schemas of a declared route; null where there are none. */
  readonly schemas: RouteSchemas | null;
  /** The router checks requests against the announced schemas before it calls; services of the SDK do that themselves. */
  readonly validate: boolean;
  readonly summary: string | null;
  /**
   * Of a discovered route, for the compiler. Null for others, and in the table of edges and routers: what is in force is
   * all that they need.
   */
  readonly announced: AnnouncedPolicies | null;
}

/** What a route has where nothing is said about it: nobody may call it, and nothing else is asked. */
export const plainRoute = {
  auth: [],
  roles: [],
  scopes: [],
  limits: [],
  cost: 1,
  cors: null,
  addresses: null,
  contentTypes: null,
  bodyLimit: null,
  headers: [],
  schemaSubject: null,
  schemas: null,
  validate: false,
  summary: null,
  announced: null,
} as const satisfies Partial<CompiledRoute>;

/** Why a declared or announced route is not in the table; value of a `problem.<id>` key. */
export interface RouteProblem {
  readonly id: string;
  readonly origin: RouteOrigin;
  readonly source: string;
  readonly detail: string;
}
