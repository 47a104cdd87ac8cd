import type { JsonSchema } from '@sluice/policy/schemas';
import type { CompiledRoute } from '@sluice/routes';
import type { Fragment } from './fragment.ts';
import { operation, tagsOf } from './operation.ts';
import { placeRoutes, type PlacedRoute } from './paths.ts';
import { problemResponse, problemSchema } from './problem-schema.ts';
import { isClosed, securitySchemes } from './security.ts';

/** Methods of an OpenAPI 3.1 Path Item that a route can have; the document cannot show others. */
const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] as const;
/** What a route for every method is shown as. */
const everyMethod = ['get', 'put', 'post', 'delete', 'patch'] as const;

export interface DocumentInput {
  readonly title: string;
  readonly version: string;
  readonly routes: Iterable<CompiledRoute>;
  readonly fragment: (route: CompiledRoute) => Fragment | null;
  /** Name of the cookie that a browser's login leaves. */
  readonly sessionCookie: string;
}

/** The table as an OpenAPI 3.1 document, without routes that are closed. Deterministic: the order of routes does not matter. */
export function assembleDocument(input: DocumentInput): Record<string, unknown> {
  const paths = new Map<string, Record<string, unknown>>();
  const schemas = new Map<string, JsonSchema>([['Problem', problemSchema]]);
  const tags = new Set<string>();
  const authMethods = new Set<string>();
  const operationIds = new Set<string>();

  const add = (placed: PlacedRoute, method: string, id: string): void => {
    let item = paths.get(placed.key);
    if (!item) paths.set(placed.key, (item = {}));
    if (method in item) return;
    const fragment = input.fragment(placed.route);
    item[method] = operation(placed, method, unique(operationIds, id), fragment);
    for (const tag of tagsOf(placed, fragment)) tags.add(tag);
    if (placed.route.auth !== 'public') for (const name of placed.route.auth) authMethods.add(name);
    for (const [name, schema] of fragment?.components ?? []) schemas.set(name, schema);
  };
  const placed = placeRoutes([...input.routes].filter((route) => !isClosed(route)));
  for (const each of placed) {
    const method = each.route.method.toLowerCase();
    if (methods.some((known) => known === method)) add(each, method, each.route.id);
  }
  for (const each of placed)
    if (each.route.method === '*')
      for (const method of everyMethod) add(each, method, `${each.route.id}.${method}`);

  return {
    openapi: '3.1.0',
    info: {
      title: input.title,
      version: input.version,
      description: 'Every route of this gateway, assembled from what the backends say about themselves.',
    },
    servers: [{ url: '/' }],
    security: [],
    tags: [...tags].toSorted().map((name) => ({ name })),
    paths: Object.fromEntries([...paths].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      schemas: Object.fromEntries(schemas),
      responses: { Problem: problemResponse },
      ...(authMethods.size > 0 ? { securitySchemes: securitySchemes(authMethods, input.sessionCookie) } : {}),
    },
  };
}

function unique(taken: Set<string>, id: string): string {
  let free = id;
  for (let n = 2; taken.has(free); n++) free = `${id}_${n}`;
  taken.add(free);
  return free;
}
