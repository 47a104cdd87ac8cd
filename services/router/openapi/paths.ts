import { parseTemplate, templateShape, type CompiledRoute, type Segment } from '@sluice/routes';
import { compareText } from '../discovery/candidate.ts';

/** A route placed in the document: its path key, and its parameters under the names of that key. */
export interface PlacedRoute {
  readonly route: CompiledRoute;
  /** `/v1/orders/{id}`; unlike a template, `{path...}` is written `{path}`. */
  readonly key: string;
  /** Names as in the key and as the route itself has them, in the order of the path. */
  readonly params: readonly { readonly name: string; readonly own: string; readonly rest: boolean }[];
}

/**
 * Gives every route its path key. OpenAPI takes paths that differ only in parameter names for the same (3.1, "Paths
 * Object"), so routes of one shape share the key of the one with the lowest id. A path that ends in a rest parameter
 * has a key of its own where an ordinary parameter has the place.
 */
export function placeRoutes(routes: Iterable<CompiledRoute>): PlacedRoute[] {
  const sorted = [...routes].toSorted((a, b) => compareText(a.id, b.id));
  const parsed = sorted.map((route) => ({ route, segments: parseTemplate(route.path) }));
  const keys = new Map<string, string>();
  const taken = new Set<string>();
  const ordinary = parsed.filter(({ segments }) => segments.at(-1)?.kind !== 'rest');
  const rest = parsed.filter(({ segments }) => segments.at(-1)?.kind === 'rest');
  for (const { segments } of [...ordinary, ...rest]) {
    const shape = templateShape(segments);
    if (keys.has(shape)) continue;
    let key = `/${segments.map((segment) => (segment.kind === 'literal' ? segment.text : `{${segment.name}}`)).join('/')}`;
    const flat = key.replace(/\{[^}]*\}/g, '{}');
    if (taken.has(flat)) key += '...';
    taken.add(key.replace(/\{[^}]*\}/g, '{}'));
    keys.set(shape, key);
  }
  return parsed.map(({ route, segments }) => {
    const key = keys.get(templateShape(segments)) as string;
    const names = [...key.matchAll(/\{([^}]*)\}/g)].map((match) => match[1] as string);
    const own = segments.filter((segment) => segment.kind !== 'literal');
    return { route, key, params: own.map((segment, index) => param(segment, names[index] as string)) };
  });
}

function param(segment: Segment & { name: string }, name: string): PlacedRoute['params'][number] {
  return { name, own: segment.name, rest: segment.kind === 'rest' };
}
