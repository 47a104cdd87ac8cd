import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { plainRoute, type CompiledRoute } from '@sluice/routes';
import { nodeProgram, projectRoot } from '@sluice/testing';
import { assembleDocument } from './document.ts';
import { readFragment, type Fragment } from './fragment.ts';

function route(id: string, method: string, at: string, more: Partial<CompiledRoute> = {}): CompiledRoute {
  return {
    ...plainRoute,
    id,
    method,
    path: at,
    origin: 'discovered',
    service: { name: 'orders', version: '1.0.0' },
    subject: id,
    encoding: 'msgpack',
    auth: 'public',
    timeoutMs: 1_000,
    schemaSubject: `sluice.schema.${id}`,
    ...more,
  };
}

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required: boolean; schema: unknown }[];
  requestBody?: unknown;
  responses: Record<string, unknown>;
  security: unknown;
  tags: string[];
}

function assemble(entries: [CompiledRoute, object | null][]) {
  const fragments = new Map<string, Fragment>();
  for (const [each, answer] of entries) if (answer) fragments.set(each.id, readFragment(each, answer));
  const document = assembleDocument({
    title: 'Test',
    version: '1.0.0',
    routes: entries.map(([each]) => each),
    fragment: (each) => fragments.get(each.id) ?? null,
    sessionCookie: 'shop_session',
  });
  return document as typeof document & {
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, unknown>; securitySchemes?: Record<string, unknown> };
  };
}

const orderSchema = {
  params: { type: 'object', properties: { id: { type: 'string', pattern: '^o' } }, required: ['id'] },
  query: {
    type: 'object',
    properties: { limit: { $ref: '#/$defs/Limit' }, full: { type: 'boolean', description: 'All of it.' } },
    required: ['limit'],
    $defs: { Limit: { type: 'integer', maximum: 100 } },
  },
  headers: { type: 'object', properties: { 'x-tenant': { type: 'string' }, Accept: { type: 'string' } } },
  body: { type: 'object', properties: { parent: { $ref: '#' } } },
  response: { type: 'array', items: { $ref: '#/$defs/Order' }, $defs: { Order: { type: 'object' } } },
  summary: 'One order',
  description: 'Gives an order.',
  tags: ['orders', 'read'],
  status: 201,
};

/** Everything that is awkward to show, in one table. */
const awkward: [CompiledRoute, object | null][] = [
  [
    route('openapi', 'GET', '/openapi.json', { service: null, origin: 'declared', schemaSubject: null }),
    null,
  ],
  [route('orders.put', 'PUT', '/v1/orders/{id}'), orderSchema],
  [
    route('orders.get', 'GET', '/v1/orders/{order}', {
      auth: ['key', 'jwt', 'oauth', 'session'],
      scopes: ['orders:read', 'shop'],
      roles: ['clerk'],
    }),
    null,
  ],
  [route('files.list', 'GET', '/files/{folder}'), null],
  [
    route('files.get', 'GET', '/files/{path...}'),
    { response: { type: 'string' }, responseContentType: 'text/plain' },
  ],
  [route('any', '*', '/any/{a}/{b...}'), null],
  [route('any.get', 'GET', '/any/{x}/{y...}'), null],
  [route('closed', 'DELETE', '/closed', { auth: [] }), { status: 204, tags: [] }],
  [route('purge', 'PURGE', '/purge'), null],
  [route('root', 'GET', '/'), null],
];

describe('an operation', () => {
  const { paths, components } = assemble(awkward);

  test('says what the endpoint said', () => {
    const operation = paths['/v1/orders/{order}']?.['put'] as Operation;
    expect(operation).toMatchObject({
      operationId: 'orders.put',
      summary: 'One order',
      description: 'Gives an order.',
      tags: ['orders', 'read'],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { $ref: '#/components/schemas/orders.put.body' } } },
      },
      responses: {
        201: {
          content: { 'application/json': { schema: { $ref: '#/components/schemas/orders.put.response' } } },
        },
        '4XX': { $ref: '#/components/responses/Problem' },
      },
    });
    expect(operation.parameters).toEqual([
      { name: 'order', in: 'path', required: true, schema: { type: 'string', pattern: '^o' } },
      {
        name: 'limit',
        in: 'query',
        required: true,
        schema: { $ref: '#/components/schemas/orders.put.Limit' },
      },
      {
        name: 'full',
        in: 'query',
        required: false,
        description: 'All of it.',
        schema: { type: 'boolean', description: 'All of it.' },
      },
      { name: 'x-tenant', in: 'header', required: false, schema: { type: 'string' } },
    ]);
    expect(components.schemas['orders.put.body']).toEqual({
      type: 'object',
      properties: { parent: { $ref: '#/components/schemas/orders.put.body' } },
    });
  });

  test('without schemas is listed with its path parameters', () => {
    expect(paths['/v1/orders/{order}']?.['get']?.parameters).toEqual([
      { name: 'order', in: 'path', required: true, schema: { type: 'string' } },
    ]);
  });

  test('asks for the credentials the route accepts', () => {
    expect(paths['/v1/orders/{order}']?.['get']?.security).toEqual([
      { key: ['orders:read', 'shop'] },
      { jwt: ['orders:read', 'shop'] },
      { oauth: ['orders:read', 'shop'] },
      { session: ['orders:read', 'shop'] },
    ]);
    expect(paths['/v1/orders/{order}']?.['get']).toMatchObject({ 'x-sluice-roles': ['clerk'] });
    expect(components.securitySchemes).toMatchObject({
      key: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      jwt: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      oauth: { type: 'http', scheme: 'bearer' },
      session: { type: 'apiKey', in: 'cookie', name: 'shop_session' },
    });
    expect(paths['/files/{folder}']?.['get']?.security).toEqual([]);
  });

  test('for every method is listed for the usual ones that have no route of their own', () => {
    const item = paths['/any/{a}/{b}'] as Record<string, Operation>;
    expect(Object.keys(item).toSorted()).toEqual(['delete', 'get', 'patch', 'post', 'put']);
    expect(item['get']?.operationId).toBe('any.get');
    expect(item['post']?.operationId).toBe('any.post');
  });

  test('of a rest parameter has a path of its own beside an ordinary parameter', () => {
    expect(paths['/files/{folder}']?.['get']?.operationId).toBe('files.list');
    expect(paths['/files/{path}...']?.['get']?.operationId).toBe('files.get');
  });

  test('that nobody may call is left out', () => {
    expect(paths['/closed']).toBeUndefined();
  });

  test('of a method that OpenAPI does not know is left out', () => {
    expect(paths['/purge']).toBeUndefined();
  });
});

test('the order of routes does not matter', () => {
  expect(JSON.stringify(assemble(awkward.toReversed()).paths)).toBe(JSON.stringify(assemble(awkward).paths));
});

test.each([
  [{ body: { type: 'banana' } }],
  [{ status: 99 }],
  [{ body: {}, bodyContentType: 'not a type' }],
  ['text'],
  [null],
])('an answer of a schema subject that cannot be used is refused: %j', (answer) => {
  expect(() => readFragment(route('a', 'GET', '/a'), answer)).toThrow(
    expect.objectContaining({ name: 'SchemaError' }),
  );
});

test('the linter of Redocly finds no error', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-openapi-'));
  try {
    const file = path.join(folder, 'openapi.json');
    await writeFile(file, JSON.stringify(assemble(awkward)));
    const cli = path.join(projectRoot, 'node_modules/@redocly/cli/bin/cli.js');
    // The exit code is 1 when there is an error: then this rejects and shows what the linter said.
    await promisify(execFile)(nodeProgram, [cli, 'lint', file, '--extends=recommended', '--format=stylish'], {
      cwd: folder,
      env: { ...process.env, REDOCLY_TELEMETRY: 'off' },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('parameters behind a reference and in parts of a schema are listed', () => {
  const list = { type: 'array', items: { type: 'string' } };
  const query = {
    $ref: '#/$defs/Filter',
    allOf: [{ properties: { limit: { type: 'integer', description: 'How many.' } } }],
    $defs: {
      Filter: {
        properties: { symbol: { $ref: '#/$defs/Symbols' }, limit: { maximum: 5 } },
        required: ['symbol'],
      },
      Symbols: list,
    },
  };
  const { paths, components } = assemble([[route('orders.list', 'GET', '/v1/orders'), { query }]]);
  expect(paths['/v1/orders']?.['get']?.parameters).toEqual([
    {
      name: 'limit',
      in: 'query',
      required: false,
      description: 'How many.',
      schema: { allOf: [{ type: 'integer', description: 'How many.' }, { maximum: 5 }] },
    },
    {
      name: 'symbol',
      in: 'query',
      required: true,
      schema: { $ref: '#/components/schemas/orders.list.Symbols' },
    },
  ]);
  expect(components.schemas['orders.list.Symbols']).toEqual(list);
});
