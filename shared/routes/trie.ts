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

  /** Inner nodes, the root included: what a table costs in memory. Walks the whole trie. */
  get nodes(): number {
    return count(this.#root);
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

  /**
   * Takes the route out again, and with it every node that only it needed, so that routes that come and go leave
   * nothing behind. A route that another one has replaced on its method and shape is left alone. True when it was there.
   */
  remove(route: Route): boolean {
    const visited: { readonly node: Node<Route>; readonly literal: string | null }[] = [];
    let node = this.#root;
    let leaf: Leaf<Route> | null = null;
    for (const segment of parseTemplate(route.path)) {
      if (segment.kind === 'rest') {
        leaf = node.rest;
        if (!this.#take(leaf, route)) return false;
        if (leaf?.methods.size === 0) node.rest = null;
        prune(visited, node);
        return true;
      }
      const literal = segment.kind === 'literal' ? segment.text : null;
      const next = literal === null ? node.param : node.literals.get(literal);
      if (!next) return false;
      visited.push({ node, literal });
      node = next;
    }
    leaf = node.leaf;
    if (!this.#take(leaf, route)) return false;
    if (leaf?.methods.size === 0) node.leaf = null;
    prune(visited, node);
    return true;
  }

  /** `segments` are the percent-decoded segments of a canonical path: `/a/b` is `['a', 'b']`, `/` is `[]`. */
  match(method: string, segments: readonly string[]): RouteMatch<Route> {
    const values: string[] = [];
    const found = find(this.#root, segments, 0, values, method, null);
    if (!found) {
      // The methods of a path matter only to a refusal, so they are gathered only then.
      const allow = new Set<string>();
      find(this.#root, segments, 0, values, method, allow);
      return allow.size === 0 ? { kind: 'none' } : { kind: 'method', allow: [...allow].toSorted() };
    }
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

  #take(leaf: Leaf<Route> | null, route: Route): boolean {
    if (leaf?.methods.get(route.method) !== route) return false;
    leaf.methods.delete(route.method);
    leaf.names.delete(route.method);
    this.#size--;
    return true;
  }
}

/** Walks back from `node` and unlinks what has become empty. */
function prune<Route>(
  visited: readonly { readonly node: Node<Route>; readonly literal: string | null }[],
  from: Node<Route>,
): void {
  let child = from;
  for (let i = visited.length - 1; i >= 0; i--) {
    if (child.leaf || child.rest || child.param || child.literals.size > 0) return;
    const { node, literal } = visited[i] as { node: Node<Route>; literal: string | null };
    if (literal === null) node.param = null;
    else node.literals.delete(literal);
    child = node;
  }
}

function find<Route>(
  node: Node<Route>,
  segments: readonly string[],
  at: number,
  values: string[],
  method: string,
  allow: Set<string> | null,
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
  allow: Set<string> | null,
): { leaf: Leaf<Route>; key: string } | null {
  if (leaf.methods.has(method)) return { leaf, key: method };
  if (method === 'HEAD' && leaf.methods.has('GET')) return { leaf, key: 'GET' };
  if (leaf.methods.has('*')) return { leaf, key: '*' };
  if (!allow) return null;
  for (const known of leaf.methods.keys()) allow.add(known);
  if (leaf.methods.has('GET')) allow.add('HEAD');
  allow.add('OPTIONS');
  return null;
}

function count<Route>(node: Node<Route>): number {
  let nodes = 1;
  if (node.param) nodes += count(node.param);
  for (const child of node.literals.values()) nodes += count(child);
  return nodes;
}

function newNode<Route>(): Node<Route> {
  return { literals: new Map(), param: null, leaf: null, rest: null };
}

function newLeaf<Route>(): Leaf<Route> {
  return { methods: new Map(), names: new Map() };
}
