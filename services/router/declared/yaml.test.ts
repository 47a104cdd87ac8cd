import { describe, expect, test } from 'vitest';
import { parseRoutesYaml, RoutesFileError } from './yaml.ts';

function faultsOf(text: string): readonly string[] {
  try {
    parseRoutesYaml(text, 'routes.yaml');
  } catch (error) {
    if (error instanceof RoutesFileError) return error.faults;
    throw error;
  }
  throw new Error('the file was taken');
}

const good = `# what people wrote
routes:
  - id: orders.get
    path: /v1/orders/{id}
    subject: orders.get
  - id: orders.add
    method: post
    path: /v1/orders
    subject: orders.add
    encoding: msgpack
    auth: [jwt, apikey]
    timeout: 2s
    body_limit: 65536
    headers: [X-Tenant]
    summary: |
      Adds
      an order
`;

test('a file becomes routes with every default filled in', () => {
  expect(parseRoutesYaml(good, 'routes.yaml').routes).toEqual([
    {
      id: 'orders.get',
      method: 'GET',
      path: '/v1/orders/{id}',
      subject: 'orders.get',
      encoding: 'raw',
      auth: 'public',
      timeoutMs: null,
      bodyLimit: null,
      headers: [],
      summary: null,
    },
    {
      id: 'orders.add',
      method: 'POST',
      path: '/v1/orders',
      subject: 'orders.add',
      encoding: 'msgpack',
      auth: ['jwt', 'apikey'],
      timeoutMs: 2_000,
      bodyLimit: 65_536,
      headers: ['x-tenant'],
      summary: 'Adds an order',
    },
  ]);
});

test('an empty file declares nothing', () => {
  expect(parseRoutesYaml('', 'routes.yaml').routes).toEqual([]);
  expect(parseRoutesYaml('routes: []\n', 'routes.yaml').routes).toEqual([]);
});

describe('a fault is told with file, line and path:', () => {
  test('broken YAML', () => {
    const [fault] = faultsOf('routes:\n  - id: a\n    path: "/a\n');
    expect(fault).toMatch(/^routes\.yaml:\d+: /);
  });

  test('a key twice', () => {
    expect(faultsOf('routes:\n  - id: a\n    id: b\n')[0]).toContain('routes.yaml:3: ');
  });

  test('a bad value, on the line of the value', () => {
    expect(faultsOf(good.replace('timeout: 2s', 'timeout: soon'))).toEqual([
      'routes.yaml:12: routes[1].timeout: "soon" is not a time between "1ms" and "5m"',
    ]);
  });

  test('a missing value, on the line of the route', () => {
    const [fault] = faultsOf('routes:\n  - id: a\n    path: /a\n');
    expect(fault).toMatch(/^routes\.yaml:2: routes\[0\]\.subject: /);
  });

  test('an unknown key, which may be a spelling mistake that would open a route', () => {
    expect(faultsOf(good.replace('auth:', 'atuh:'))).toEqual([
      'routes.yaml:11: routes[1].atuh: "atuh" is not known here',
    ]);
  });

  test('a wrong type of the document', () => {
    expect(faultsOf('- a\n')[0]).toMatch(/^routes\.yaml:1: /);
  });

  test('a list with public in it', () => {
    expect(faultsOf(good.replace('[jwt, apikey]', '[public]'))[0]).toContain(
      'routes.yaml:11: routes[1].auth: ',
    );
  });

  test('every fault at once', () => {
    const faults = faultsOf(
      good.replace('encoding: msgpack', 'encoding: xml').replace('body_limit: 65536', 'body_limit: -1'),
    );
    expect(faults).toHaveLength(2);
  });

  test('two routes with one id, or in one place', () => {
    const twice = `routes:
  - {id: a, path: '/a/{x}', subject: a}
  - {id: a, path: /b, subject: b}
  - {id: c, path: '/a/{y}', subject: c}
`;
    expect(faultsOf(twice)).toEqual([
      'routes.yaml:3: routes[1].id: id "a" is taken by routes[0]',
      'routes.yaml:4: routes[2].path: GET /a/{y} is already answered by routes[0]',
    ]);
  });

  test('aliases that multiply', () => {
    const levels = Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]`);
    expect(faultsOf(`a0: &a0 [x]\n${levels.join('\n')}\n`)[0]).toContain('alias');
  });
});
