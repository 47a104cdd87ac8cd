import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { gatewaySchema, type GatewayInput } from '@sluice/policy';
import { placeOf, type CompiledRoute } from '@sluice/routes';
import type { ServiceInstance } from '../discovery/instance.ts';
import { compileTable, type CompileInput, type CompileOutput } from './compile.ts';
import { RoutePolicies } from './route-policies.ts';

type Declared = NonNullable<GatewayInput['routes']>[number];

function declared(id: string, path: string, method = 'GET'): Declared {
  return { id, method, path, subject: `declared.${id}` };
}

function service(
  name: string,
  version: string,
  routes: Record<string, string>,
  id = `${name}-${version}`,
): ServiceInstance {
  return {
    id,
    name,
    version,
    endpoints: Object.entries(routes).map(([endpoint, route]) => ({
      name: endpoint,
      subject: `${name}.${endpoint}`,
      metadata: { 'sluice.route': route },
    })),
  };
}

function compile(input: {
  declared?: Declared[];
  document?: GatewayInput;
  instances?: ServiceInstance[];
  present?: CompileInput['present'];
  settled?: boolean;
  unknown?: string[];
}): CompileOutput {
  const { instances = [], settled = true, unknown = [], present = new Map() } = input;
  const document = { defaults: { auth: 'public' as const }, routes: input.declared, ...input.document };
  return compileTable({
    policies: new RoutePolicies(gatewaySchema.parse(document), 10_000),
    present,
    discovery: { instances, settled, unknown: new Set(unknown) },
  });
}

const ids = (output: CompileOutput): string[] => [...output.routes.keys()];

test('the gateway has a route of its own that nobody takes', () => {
  const output = compile({
    declared: [declared('openapi', '/mine'), declared('other', '/openapi.json')],
    instances: [service('s', '1.0.0', { a: 'GET /docs', b: 'GET /v1/stream', c: 'POST /v1/stream' })],
  });
  expect(output.routes.get('openapi')).toMatchObject({ path: '/openapi.json', subject: 'sluice.openapi' });
  expect(ids(output)).toEqual(['openapi']);
  expect([...output.problems.keys()]).toEqual(['openapi', 'other', 's.a', 's.b', 's.c']);
});

describe('for one place', () => {
  test('declared beats discovered, also one that was in the table', () => {
    const instances = [service('a', '1.0.0', { get: 'GET /x/{id}' })];
    const before = compile({ instances });
    const output = compile({ declared: [declared('z', '/x/{name}')], instances, present: before.routes });
    expect(ids(output)).toEqual(['openapi', 'z']);
    expect(output.problems.get('a.get')).toEqual({
      id: 'a.get',
      origin: 'discovered',
      source: 'service a 1.0.0, endpoint get',
      detail: 'GET /x/{id} is answered by declared route z',
    });
  });

  test('the discovered route that is in the table stays', () => {
    const first = compile({ instances: [service('z', '1.0.0', { get: 'GET /x' })] });
    const both = [service('a', '9.0.0', { get: 'GET /x' }), service('z', '1.0.0', { get: 'GET /x' })];
    expect(ids(compile({ instances: both, present: first.routes }))).toEqual(['openapi', 'z.get']);
  });

  test('of two newcomers the lower id has it', () => {
    const both = [service('z', '1.0.0', { get: 'GET /x' }), service('a', '1.0.0', { get: 'GET /x' })];
    expect(ids(compile({ instances: both }))).toEqual(['a.get', 'openapi']);
  });

  test('the loser gets it when the holder goes', () => {
    const both = [service('a', '1.0.0', { get: 'GET /x' }), service('z', '1.0.0', { get: 'GET /x' })];
    const before = compile({ instances: both });
    const after = compile({ instances: both.slice(1), present: before.routes });
    expect(ids(after)).toEqual(['openapi', 'z.get']);
    expect(after.problems.size).toBe(0);
  });

  test('methods, and "*" beside them, are different places', () => {
    const output = compile({
      instances: [service('a', '1.0.0', { get: 'GET /x', post: 'POST /x', any: '* /x' })],
    });
    expect(ids(output)).toEqual(['a.any', 'a.get', 'a.post', 'openapi']);
  });
});

describe('versions of one endpoint', () => {
  test('the highest speaks for all', () => {
    const versions = ['1.9.0', '1.10.0', '1.10.0-rc.1'].map((v) =>
      service('a', v, { get: `GET /v${v.replaceAll('.', '-')}` }),
    );
    expect(compile({ instances: versions }).routes.get('a.get')).toMatchObject({
      path: '/v1-10-0',
      service: { version: '1.10.0' },
    });
  });

  test('one that is broken does not take the route from one that works', () => {
    const output = compile({
      instances: [service('a', '1.0.0', { get: 'GET /x' }), service('a', '2.0.0', { get: 'GET /x//' })],
    });
    expect(output.routes.get('a.get')).toMatchObject({ service: { version: '1.0.0' } });
  });
});

test('a route where edges answer themselves is a problem, whatever its method', () => {
  const output = compile({
    instances: [service('a', '1.0.0', { log: 'POST /auth/main/logout', any: '* /docs/x', get: 'GET /x' })],
  });
  expect(ids(output)).toEqual(['a.get', 'openapi']);
  expect(output.problems.get('a.log')?.detail).toBe(
    'POST /auth/main/logout is answered by the gateway itself',
  );
  expect(output.problems.get('a.any')?.detail).toBe('* /docs/x is answered by the gateway itself');
});

test('a broken route is a problem and stops nothing', () => {
  const output = compile({ instances: [service('a', '1.0.0', { bad: 'GET nowhere', good: 'GET /x' })] });
  expect(ids(output)).toEqual(['a.good', 'openapi']);
  expect(output.problems.get('a.bad')?.detail).toContain('sluice.route');
});

describe('while something is not known yet', () => {
  const before = compile({
    declared: [declared('d', '/d')],
    instances: [service('a', '1.0.0', { get: 'GET /x' })],
  }).routes;

  test('what the document says now holds for routes that stay', () => {
    const settled = false;
    const document = (more: GatewayInput) => ({
      document: { defaults: { auth: 'public' as const }, ...more },
    });
    const closed = compile({
      present: before,
      settled,
      ...document({ overrides: { 'a.*': { auth: ['key'] } } }),
    });
    expect(closed.routes.get('a.get')?.auth).toEqual(['key']);
    const refused = compile({
      present: before,
      settled,
      ...document({ services: { a: { paths: ['/y'] } } }),
    });
    expect(refused.problems.get('a.get')?.detail).toContain('may not announce /x');
  });

  test('nothing is left of an override or a default that is taken back, and nothing of what was announced is lost', () => {
    const asking = service('a', '1.0.0', { get: 'GET /x', put: 'PUT /x' });
    Object.assign(asking.endpoints[0]!.metadata, {
      'sluice.auth': 'key',
      'sluice.roles': 'trader',
      'sluice.cost': '3',
    });
    const limits = { base: { limit: 1, window: '1m' } };
    const plain: GatewayInput = { defaults: {}, limits };
    const open: GatewayInput = {
      limits,
      defaults: { auth: 'public', limits: ['base'] },
      overrides: { 'a.get': { auth: 'public', limits: ['base'], cost: 7, timeout: '1m', body_limit: 9 } },
    };
    const opened = compile({ instances: [asking], document: open }).routes;
    expect(opened.get('a.get')).toMatchObject({ auth: 'public', roles: [], cost: 7, bodyLimit: 9 });
    expect(opened.get('a.put')).toMatchObject({ auth: 'public', limits: ['base'] });
    // As another compiler reads them out of the table.
    const present = new Map(
      [...opened].map(([id, route]) => [id, JSON.parse(JSON.stringify(route)) as CompiledRoute]),
    );
    const asked = compile({ instances: [asking], document: plain, present }).routes;
    expect(asked.get('a.get')).toMatchObject({ auth: ['key'], roles: ['trader'], cost: 3, limits: [] });
    expect(asked.get('a.put')?.auth).toEqual([]);
    // The text is the same too: the table is not written again when the service tells about itself.
    const unasked = compile({ unknown: ['a'], document: plain, present }).routes;
    expect(JSON.stringify([...unasked])).toBe(JSON.stringify([...asked]));
  });

  test('a route of which an earlier version stored no announcement is closed', () => {
    const { announced: _, ...stored } = before.get('a.get')!;
    const present = new Map([['a.get', stored as CompiledRoute]]);
    expect(compile({ present, unknown: ['a'] }).routes.get('a.get')).toMatchObject({ path: '/x', auth: [] });
  });

  test('discovered routes stay until services had time to answer', () => {
    expect(ids(compile({ present: before, settled: false }))).toEqual(['a.get', 'openapi']);
    expect(ids(compile({ present: before, unknown: ['a'] }))).toEqual(['a.get', 'openapi']);
    expect(ids(compile({ present: before, unknown: ['b'] }))).toEqual(['openapi']);
  });
});

describe('whatever services announce', () => {
  const path = fc.constantFrom(
    '/a',
    '/a/{x}',
    '/a/{y}',
    '/a/{rest...}',
    '/b',
    '/openapi.json',
    'broken',
    '/docs/x',
  );
  const route = fc.tuple(fc.constantFrom('GET', 'POST', '*'), path).map(([method, at]) => `${method} ${at}`);
  const instance = fc
    .record({
      name: fc.constantFrom('s1', 's2', 's3'),
      version: fc.constantFrom('1.0.0', '1.1.0', '2.0.0-rc.1', 'nonsense'),
      routes: fc.dictionary(fc.constantFrom('e1', 'e2'), route, { minKeys: 1 }),
      n: fc.nat(999),
    })
    .map(({ name, version, routes, n }) => service(name, version, routes, `i${n}`));
  const instances = fc.uniqueArray(instance, { selector: ({ id }) => id, maxLength: 8 });
  const written = fc
    .uniqueArray(fc.tuple(fc.constantFrom('d1', 'd2', 's1.e1'), fc.constantFrom('/a', '/a/{x}', '/c')), {
      selector: ([id]) => id,
      maxLength: 3,
    })
    .map((all) =>
      all
        .filter(([, at], i) => all.findIndex(([, other]) => other === at) === i)
        .map(([id, at]) => declared(id, at)),
    );

  test('the order they came in does not matter', () => {
    fc.assert(
      fc.property(instances, written, fc.infiniteStream(fc.nat()), (all, doc, random) => {
        const keyed = all.map((each) => ({ each, key: random.next().value as number }));
        const shuffled = keyed.toSorted((a, b) => a.key - b.key).map(({ each }) => each);
        const [one, two] = [all, shuffled].map((order) => compile({ instances: order, declared: doc }));
        expect(JSON.stringify([...two!.routes, ...two!.problems])).toBe(
          JSON.stringify([...one!.routes, ...one!.problems]),
        );
      }),
    );
  });

  test('no two routes share a place, declared ones all have theirs, and nothing gets lost', () => {
    fc.assert(
      fc.property(instances, instances, written, (earlier, now, doc) => {
        const present = compile({ instances: earlier, declared: doc }).routes;
        const { routes, problems } = compile({ instances: now, declared: doc, present });
        const places = [...routes.values()].map(placeOf);
        expect(new Set(places).size).toBe(places.length);
        for (const { id } of doc) expect(routes.get(id)?.origin).toBe('declared');
        for (const each of now)
          for (const { name } of each.endpoints) {
            const id = `${each.name}.${name}`;
            expect(routes.has(id) || problems.has(id)).toBe(true);
          }
        const known = new Set([
          'openapi',
          ...doc.map(({ id }) => id),
          ...now.flatMap((each) => each.endpoints.map(({ name }) => `${each.name}.${name}`)),
        ]);
        for (const id of [...routes.keys(), ...problems.keys()]) expect(known.has(id)).toBe(true);
      }),
    );
  });

  test('a live route is never taken over by another one while its own service announces it', () => {
    fc.assert(
      fc.property(instances, instances, (earlier, more) => {
        const present = compile({ instances: earlier }).routes;
        const all = [...earlier, ...more.filter(({ id }) => earlier.every((other) => other.id !== id))];
        const { routes } = compile({ instances: all, present });
        for (const before of present.values()) {
          const after = routes.get(before.id) as CompiledRoute;
          // A higher version of the same endpoint may move it; nobody else may.
          if (after === undefined || placeOf(after) !== placeOf(before)) {
            const versions = all
              .filter(({ name }) => name === before.service?.name)
              .map(({ version }) => version);
            expect(versions.some((version) => version !== before.service?.version)).toBe(true);
          }
        }
      }),
    );
  });

  test('compiling again changes nothing', () => {
    fc.assert(
      fc.property(instances, written, (all, doc) => {
        const once = compile({ instances: all, declared: doc });
        const twice = compile({ instances: all, declared: doc, present: once.routes });
        expect([...twice.routes]).toEqual([...once.routes]);
        expect([...twice.problems]).toEqual([...once.problems]);
      }),
    );
  });
});
