import { parseTemplate } from './template.ts';

interface Leaf<Route> {
  readonly methods: Map<string, Route>;
  /** Parameter names per route, because routes of one shape may name them differently. */
  readonly names: Map<string, readonly string[]>;
}

interface Node<Route> {
  readonly literals: Map<string, Node<Route>>;
  param: Node<Route> | null;
  leaf: Leaf<Route> | null;
  rest: Leaf<Route> | null;
}

export type RouteMatch<Route> =
  | { readonly kind: 'route'; readonly route: Route; readonly params: Record<string, string> }
  /** The path exists with other methods (RFC 9110 section 15.5.6): what `Allow` lists. */
  | { readonly kind: 'method'; readonly allow: readonly string[] }
  | { readonly kind: 'none' };

/**
 * Matches method and canonical path. A literal segment wins over a parameter, a parameter over a rest, decided from
 * left to right with backtracking; the order of adding does not matter. GET answers HEAD where HEAD has no route.
 */
export class RouteTrie<Route extends { readonly method: string; readonly path: string }> {
  readonly #root: Node<Route> = newNode();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds or replaces the route of this method and shape. Throws TemplateError for a bad path. */
  add(route: Route): void {
    const segments = parseTemplate(route.path);
    let node = this.#root;
    const names: string[] = [];
    for (const segment of segments) {
      if (segment.kind === 'literal') {
        let next = node.literals.get(segment.text);
        if (!next) node.literals.set(segment.text, (next = newNode()));
        node = next;
        continue;
      }
      names.push(segment.name);
      if (segment.kind === 'rest') {
        node.rest ??= newLeaf();
        return this.#put(node.rest, route, names);
      }
      node = node.param ??= newNode();
    }
    node.leaf ??= newLeaf();
    this.#put(node.leaf, route, names);
  }

  /** `segments` are the percent-decoded segments of a canonical path: `/a/b` is `['a', 'b']`, `/` is `[]`. */
  match(method: string, segments: readonly string[]): RouteMatch<Route> {
    const values: string[] = [];
    const allow = new Set<string>();
    const found = find(this.#root, segments, 0, values, method, allow);
    if (!found) return allow.size === 0 ? { kind: 'none' } : { kind: 'method', allow: [...allow].toSorted() };
    const { leaf, key } = found;
    const params: Record<string, string> = {};
    const names = leaf.names.get(key) as readonly string[];
    for (let i = 0; i < names.length; i++) params[names[i] as string] = values[i] as string;
    return { kind: 'route', route: leaf.methods.get(key) as Route, params };
  }

  #put(leaf: Leaf<Route>, route: Route, names: readonly string[]): void {
    if (!leaf.methods.has(route.method)) this.#size++;
    leaf.methods.set(route.method, route);
    leaf.names.set(route.method, names);
  }
}

function find<Route>(
  node: Node<Route>,
  segments: readonly string[],
  at: number,
  values: string[],
  method: string,
  allow: Set<string>,
): { leaf: Leaf<Route>; key: string } | null {
  if (at === segments.length) return node.leaf ? pick(node.leaf, method, allow) : null;
  const segment = segments[at] as string;
  const literal = node.literals.get(segment);
  if (literal) {
    const found = find(literal, segments, at + 1, values, method, allow);
    if (found) return found;
  }
  if (node.param) {
    values.push(segment);
    const found = find(node.param, segments, at + 1, values, method, allow);
    if (found) return found;
    values.pop();
  }
  if (!node.rest) return null;
  const found = pick(node.rest, method, allow);
  if (found) values.push(segments.slice(at).join('/'));
  return found;
}

function pick<Route>(
  leaf: Leaf<Route>,
  method: string,
  allow: Set<string>,
): { leaf: Leaf<Route>; key: string } | null {
  if (leaf.methods.has(method)) return { leaf, key: method };
  if (method === 'HEAD' && leaf.methods.has('GET')) return { leaf, key: 'GET' };
  if (leaf.methods.has('*')) return { leaf, key: '*' };
  for (const known of leaf.methods.keys()) allow.add(known);
  if (leaf.methods.has('GET')) allow.add('HEAD');
  allow.add('OPTIONS');
  return null;
}

function newNode<Route>(): Node<Route> {
  return { literals: new Map(), param: null, leaf: null, rest: null };
}

function newLeaf<Route>(): Leaf<Route> {
  return { methods: new Map(), names: new Map() };
}
