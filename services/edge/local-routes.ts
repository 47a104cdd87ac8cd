import type { CompiledRoute } from '@sluice/routes';
import { subjects } from '@sluice/wire';
import type { Exchange } from './exchange.ts';
import type { ReferencePages } from './reference/pages.ts';

/** A path that the edge knows without the table: answered here, or sent to a subject of the gateway's own. */
export type LocalRoute = {
  readonly label: string;
  readonly methods: readonly string[];
} & ({ readonly route: null; handle(exchange: Exchange): void } | { readonly route: CompiledRoute });

/** The built-in route whose answer every router can give, on a subject of its own. */
export const openapiRoute: CompiledRoute = {
  id: 'openapi',
  method: 'GET',
  path: '/openapi.json',
  origin: 'declared',
  service: null,
  subject: subjects.openapi,
  encoding: 'msgpack',
  auth: 'public',
  timeoutMs: 5_000,
  bodyLimit: null,
  headers: [],
  schemaSubject: null,
  summary: 'This document: every route of the gateway as OpenAPI 3.1',
};

export const streamPath = '/v1/stream';

/** Looks up {@link LocalRoute}s by canonical path: the `reservedPaths` of @sluice/routes, all of them exact here. */
export function localRoutes(reference: ReferencePages): (path: string) => LocalRoute | null {
  const routes = new Map<string, LocalRoute>();
  const { path } = openapiRoute;
  routes.set(path, { label: path, methods: ['GET', 'HEAD'], route: openapiRoute });
  routes.set(streamPath, {
    label: streamPath,
    methods: ['GET'],
    route: null,
    handle: (exchange) => exchange.outlet.stream(exchange),
  });
  const docs: LocalRoute = {
    label: '/docs/{path...}',
    methods: ['GET', 'HEAD'],
    route: null,
    handle: (exchange) => reference.answer(exchange),
  };
  return (path) => routes.get(path) ?? (path === '/docs' || path.startsWith('/docs/') ? docs : null);
}
