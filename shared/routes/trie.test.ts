import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReserved } from './reserved.ts';
import { parseTemplate, TemplateError, templateShape } from './template.ts';
import { RouteTrie } from './trie.ts';

const route = (method: string, path: string) => ({ method, path });
const split = (path: string): string[] => (path === '/' ? [] : path.slice(1).split('/'));

function trieOf(...routes: { method: string; path: string }[]): RouteTrie<{ method: string; path: string }> {
  const trie = new RouteTrie<{ method: string; path: string }>();
  for (const entry of routes) trie.add(entry);
  return trie;
}

describe('matching', () => {
  const trie = trieOf(
    route('GET', '/'),
    route('GET', '/v1/orders'),
    route('POST', '/v1/orders'),
    route('GET', '/v1/orders/{id}'),
    route('GET', '/v1/orders/latest'),
    route('DELETE', '/v1/orders/{order}'),
    route('GET', '/v1/{kind}/latest/items'),
    route('GET', '/files/{path...}'),
    route('GET', '/files/index'),
    route('*', '/any/{thing}'),
    route('PUT', '/any/{thing}'),
  );
  const found = (method: string, path: string): unknown => {
    const match = trie.match(method, split(path));
    return match.kind === 'route' ? [match.route.method, match.route.path, match.params] : match;
  };

  it.each([
    ['GET', '/', ['GET', '/', {}]],
    ['GET', '/v1/orders', ['GET', '/v1/orders', {}]],
    ['HEAD', '/v1/orders', ['GET', '/v1/orders', {}]],
    ['GET', '/v1/orders/7', ['GET', '/v1/orders/{id}', { id: '7' }]],
    ['DELETE', '/v1/orders/7', ['DELETE', '/v1/orders/{order}', { order: '7' }]],
    ['GET', '/v1/orders/latest', ['GET', '/v1/orders/latest', {}]],
    ['GET', '/v1/orders/latest/items', ['GET', '/v1/{kind}/latest/items', { kind: 'orders' }]],
    ['GET', '/files/a/b/c', ['GET', '/files/{path...}', { path: 'a/b/c' }]],
    ['GET', '/files/index', ['GET', '/files/index', {}]],
    ['GET', '/files/index/more', ['GET', '/files/{path...}', { path: 'index/more' }]],
    ['PATCH', '/any/x', ['*', '/any/{thing}', { thing: 'x' }]],
    ['PUT', '/any/x', ['PUT', '/any/{thing}', { thing: 'x' }]],
    ['DELETE', '/v1/orders/latest', ['DELETE', '/v1/orders/{order}', { order: 'latest' }]],
  ])('%s %s', (method, path, expected) => {
    expect(found(method, path)).toEqual(expected);
  });

  it('lists the methods a path has when it lacks the one that was asked', () => {
    expect(found('PATCH', '/v1/orders')).toEqual({
      kind: 'method',
      allow: ['GET', 'HEAD', 'OPTIONS', 'POST'],
    });
    expect(found('POST', '/v1/orders/latest')).toEqual({
      kind: 'method',
      allow: ['DELETE', 'GET', 'HEAD', 'OPTIONS'],
    });
  });

  it('knows no path that is longer, shorter or empty in between', () => {
    for (const path of ['/v1', '/v1/orders/7/items', '/files', '/V1/orders', '/v1/orders/latest/items/x'])
      expect(found('GET', path)).toEqual({ kind: 'none' });
  });
});

const segment = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('{x}', '{y}'));
const template = fc
  .tuple(fc.uniqueArray(segment, { minLength: 0, maxLength: 4, selector: (part) => part }), fc.boolean())
  .map(([parts, rest]) => `/${[...parts, ...(rest ? ['{rest...}'] : [])].join('/')}`);
const anyRoute = fc.record({ method: fc.constantFrom('GET', 'POST', '*'), path: template });
const anyPath = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 5 });

/** The rule written down a second time, without a trie: left to right, literal before parameter before rest. */
function byRule(routes: { method: string; path: string }[], method: string, path: string[]): string | null {
  const rank = (path: string): string =>
    parseTemplate(path)
      .map((part) => ({ literal: '0', param: '1', rest: '2' })[part.kind])
      .join('');
  const fits = (candidate: string): boolean => {
    const parts = parseTemplate(candidate);
    const rest = parts.at(-1)?.kind === 'rest';
    if (rest ? path.length < parts.length : path.length !== parts.length) return false;
    return parts.every((part, i) => part.kind !== 'literal' || part.text === path[i]);
  };
  const shapes = [...new Set(routes.filter((r) => fits(r.path)).map((r) => r.path))].toSorted((a, b) =>
    rank(a) < rank(b) ? -1 : 1,
  );
  for (const shape of shapes) {
    const same = routes.filter(
      (r) => templateShape(parseTemplate(r.path)) === templateShape(parseTemplate(shape)),
    );
    const hit = same.findLast((r) => r.method === method) ?? same.findLast((r) => r.method === '*');
    if (hit) return `${hit.method} ${templateShape(parseTemplate(hit.path))}`;
  }
  return null;
}

describe('properties', () => {
  it('agrees with the rule for any set of routes', () => {
    fc.assert(
      fc.property(fc.array(anyRoute, { maxLength: 12 }), anyPath, (routes, path) => {
        const match = trieOf(...routes).match('GET', path);
        const got =
          match.kind === 'route'
            ? `${match.route.method} ${templateShape(parseTemplate(match.route.path))}`
            : null;
        expect(got).toBe(byRule(routes, 'GET', path));
      }),
      { numRuns: 500 },
    );
  });

  it('is as if never added after every route is removed, in any order', () => {
    fc.assert(
      fc.property(fc.array(anyRoute, { maxLength: 12 }), anyPath, (routes, path) => {
        const trie = trieOf(...routes);
        for (const entry of routes.toReversed()) trie.remove(entry);
        expect(trie.size).toBe(0);
        expect(trie.nodes).toBe(1);
        expect(trie.match('GET', path)).toEqual({ kind: 'none' });
      }),
      { numRuns: 300 },
    );
  });
});

describe('removing', () => {
  it('leaves a route alone that has taken over the method and shape', () => {
    const old = route('GET', '/v1/{a}');
    const taken = route('GET', '/v1/{b}');
    const trie = trieOf(old, taken);
    expect(trie.remove(old)).toBe(false);
    expect(trie.match('GET', ['v1', 'x'])).toEqual({ kind: 'route', route: taken, params: { b: 'x' } });
    expect(trie.remove(taken)).toBe(true);
    expect(trie.match('GET', ['v1', 'x'])).toEqual({ kind: 'none' });
  });

  it('keeps routes below and beside the one removed', () => {
    const trie = trieOf(route('GET', '/a/b'), route('GET', '/a/b/c'));
    const middle = route('GET', '/a');
    trie.add(middle);
    expect(trie.remove(middle)).toBe(true);
    expect(trie.match('GET', ['a']).kind).toBe('none');
    expect(trie.match('GET', ['a', 'b']).kind).toBe('route');
    expect(trie.match('GET', ['a', 'b', 'c']).kind).toBe('route');
  });
});

describe('templates', () => {
  it.each([
    '',
    'a',
    '//',
    '/a//b',
    '/a/',
    '/../a',
    '/%41',
    '/{}',
    '/{a}/{a}',
    '/{a...}/b',
    '/{__proto__}',
    '/a b',
  ])('refuses %j', (path) => {
    expect(() => parseTemplate(path)).toThrow(TemplateError);
  });

  it.each([
    ['/docs', true],
    ['/docs/{file}', true],
    ['/docs/a/b', true],
    ['/docs/{path...}', true],
    ['/openapi.json', true],
    ['/v1/stream', true],
    ['/auth/main/login', true],
    ['/auth/{name}', true],
    ['/auth', false],
    ['/authors', false],
    ['/v1/streams', false],
    ['/v1/{any}', false],
    ['/{path...}', false],
    ['/', false],
  ])('%s is reserved: %s', (path, reserved) => {
    expect(isReserved(path)).toBe(reserved);
  });
});
