import { openapiRoute, type CompiledRoute } from '@sluice/routes';
import type { Exchange } from './exchange.ts';
import type { ReferencePages } from './reference/pages.ts';

/** A path that the edge knows without the table: answered here, or sent to a subject of the gateway's own. */
export type LocalRoute = {
  readonly label: string;
  readonly methods: readonly string[];
} & (
  | { readonly route: null; handle(exchange: Exchange): void | Promise<void> }
  | { readonly route: CompiledRoute }
);

export const streamPath = '/v1/stream';

/**
 * Looks up {@link LocalRoute}s by canonical path: the `reservedPaths` of @sluice/routes, all of them exact here. `logins`
 * knows those below `/auth/`, which come and go with the document.
 */
export function localRoutes(
  reference: ReferencePages,
  logins: (path: string) => LocalRoute | null = () => null,
): (path: string) => LocalRoute | null {
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
  return (path) =>
    routes.get(path) ?? (path === '/docs' || path.startsWith('/docs/') ? docs : null) ?? logins(path);
}
