import { describe, expect, test } from 'vitest';
import { formatFault, parseDocument } from '../mod.ts';

function faultsOf(text: string): string[] {
  const parsed = parseDocument(text, 'gateway.yaml');
  return parsed.ok ? [] : parsed.faults.map(formatFault);
}

const good = `# what people wrote
defaults: {auth: [key]}
routes:
  - id: orders.get
    path: /v1/orders/{id}
    subject: orders.get
  - id: orders.add
    method: post
    path: /v1/orders
    subject: orders.add
    encoding: msgpack
    auth: [jwt, key]
    timeout: 2s
    body_limit: 65536
    headers: [X-Tenant]
    summary: |
      Adds
      an order
`;

test('a text becomes the document, and what is stored is what was written', () => {
  const parsed = parseDocument(good, 'gateway.yaml');
  expect(parsed.ok && parsed.document.routes[1]).toEqual({
    id: 'orders.add',
    method: 'POST',
    path: '/v1/orders',
    subject: 'orders.add',
    encoding: 'msgpack',
    auth: ['jwt', 'key'],
    timeout: 2_000,
    body_limit: 65_536,
    headers: ['x-tenant'],
    summary: 'Adds an order',
  });
  expect(parsed.ok && parsed.input).toMatchObject({ routes: [{}, { method: 'post', timeout: '2s' }] });
});

test('JSON is YAML too, and an empty text an empty document', () => {
  expect(parseDocument('{"$schema": "gateway.schema.json", "routes": []}', 'a.json').ok).toBe(true);
  expect(parseDocument('', 'gateway.yaml')).toMatchObject({ ok: true, input: {} });
});

describe('a fault is told with file, line and place:', () => {
  test('broken YAML', () => {
    expect(faultsOf('routes:\n  - id: a\n    path: "/a\n')[0]).toMatch(/^gateway\.yaml:\d+: /);
    expect(faultsOf('routes:\n\t- id: a\n')[0]).toContain('gateway.yaml:2: ');
  });

  test('a path without quotes between braces: one fault, and what to do', () => {
    expect(
      faultsOf(
        'routes:\n  - {id: a, path: /v1/{id}, subject: a, auth: public}\n  - {id: b, path: /b, subject: b}\n',
      ),
    ).toEqual([
      'gateway.yaml:2: Unexpected flow-map-start at node end (put quotes around a text that has braces: "/v1/orders/{id}")',
    ]);
  });

  test('nesting without end', () => {
    expect(faultsOf(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)).toEqual([
      'gateway.yaml:1: is nested too deeply',
    ]);
    expect(faultsOf(`${'- '.repeat(20_000)}a`)).toEqual(['gateway.yaml:1: is nested too deeply']);
  });

  test('a key twice', () => {
    expect(faultsOf('version: 1\nroutes: []\nversion: 1\n')).toEqual([
      'gateway.yaml:3: key "version" is there twice (put both under one key)',
    ]);
    expect(faultsOf('limits:\n  "1": {}\n  1: {}\nroutes: [{id: a, id: b}]\n')).toEqual([
      'gateway.yaml:3: key "1" is there twice (put both under one key)',
      'gateway.yaml:4: key "id" is there twice (put both under one key)',
    ]);
  });

  // Read with a comparison of each name with all others, this would go on for minutes.
  test('a mapping of fifty thousand names, each with a fault', () => {
    const names = Array.from({ length: 50_000 }, (_, n) => `  r${n}: {scope: a}\n`);
    const faults = faultsOf(`roles:\n${names.join('')}`);
    expect(faults).toHaveLength(50_001);
    expect(faults[0]).toBe(
      'gateway.yaml:2: roles.r0.scope: "scope" is not known here (did you mean "scopes"?)',
    );
    expect(faults.at(-2)).toBe('gateway.yaml:50001: roles.r49999.scope: "scope" is not known here');
  });

  test('a bad value, on the line of the value', () => {
    expect(faultsOf(good.replace('timeout: 2s', 'timeout: soon'))).toEqual([
      'gateway.yaml:13: routes[1].timeout: "soon" is not a time between "1ms" and "5m"',
    ]);
  });

  test('a missing value, on the line of what it is missing in', () => {
    const [fault] = faultsOf('routes:\n  - id: a\n    path: /a\n');
    expect(fault).toMatch(/^gateway\.yaml:2: routes\[0\]\.subject: is missing/);
  });

  test('an unknown key, which may be a spelling mistake that would open a route', () => {
    expect(faultsOf(good.replace('auth: [jwt', 'atuh: [jwt'))).toEqual([
      'gateway.yaml:12: routes[1].atuh: "atuh" is not known here (did you mean "auth"?)',
    ]);
  });

  test('a name that is not defined', () => {
    expect(faultsOf(`${good}  - {id: b, path: /b, subject: b, limits: [burst]}\n`)).toEqual([
      'gateway.yaml:19: routes[2].limits[0]: limit "burst" is not defined (the document has no `limits`)',
    ]);
  });

  test('a text of another kind', () => {
    expect(faultsOf('- a\n')[0]).toBe('gateway.yaml:1: must be an object, not a list');
  });

  test('aliases that would multiply into more than a machine holds', () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}*a${n}]`,
    );
    const bomb = `a0: &a0 x\n${levels.join('\n')}\n`;
    expect(faultsOf(bomb)[0]).toMatch(/alias/i);
  });
});
