import { gatewaySchema, type GatewayInput } from '@sluice/policy';
import { plainRoute } from '@sluice/routes';
import { describe, expect, test } from 'vitest';
import { RoutePolicies } from '../compile/route-policies.ts';
import { candidatesOf } from './candidate.ts';
import { parseInfo } from './instance.ts';

function info(endpoints: unknown, more: object = {}): unknown {
  return {
    type: 'io.nats.micro.v1.info_response',
    id: 'i1',
    name: 'orders',
    version: '1.2.0',
    endpoints,
    ...more,
  };
}

const policies = (document: GatewayInput = {}): RoutePolicies =>
  new RoutePolicies(gatewaySchema.parse(document), 10_000);

function only(metadata: Record<string, string>, subject = 'orders.get', document: GatewayInput = {}) {
  const instance = parseInfo(info([{ name: 'get', subject, metadata }]));
  if (!instance) throw new Error('not an INFO answer');
  const [candidate] = candidatesOf(instance, policies(document));
  if (!candidate) throw new Error('no candidate');
  return candidate;
}

describe('an INFO answer', () => {
  test('keeps endpoints with a route and their sluice.* metadata', () => {
    expect(
      parseInfo(
        info([
          {
            name: 'get',
            subject: 'orders.get',
            metadata: { 'sluice.route': '/o', team: 'blue', 'sluice.x': 'y' },
          },
          { name: 'plain', subject: 'orders.plain', metadata: {} },
          { name: 'none', subject: 'orders.none' },
          { name: 'not a name', subject: 'a', metadata: { 'sluice.route': '/a' } },
          null,
        ]),
      ),
    ).toEqual({
      id: 'i1',
      name: 'orders',
      version: '1.2.0',
      endpoints: [
        { name: 'get', subject: 'orders.get', metadata: { 'sluice.route': '/o', 'sluice.x': 'y' } },
      ],
    });
  });

  test.each([
    null,
    [],
    'x',
    {},
    info({}),
    info([], { name: 'a b' }),
    info([], { id: 'a.b' }),
    info([], { version: '1\u001b[0m' }),
  ])('that is none: %j', (value) => expect(parseInfo(value)).toBeNull());
});

describe('endpoint metadata', () => {
  test('with only a route gets every default, and nobody may call it', () => {
    expect(only({ 'sluice.route': 'GET /v1/orders/{id}' })).toEqual({
      id: 'orders.get',
      version: '1.2.0',
      route: {
        ...plainRoute,
        id: 'orders.get',
        method: 'GET',
        path: '/v1/orders/{id}',
        origin: 'discovered',
        service: { name: 'orders', version: '1.2.0' },
        subject: 'orders.get',
        encoding: 'raw',
        auth: [],
        timeoutMs: 10_000,
        bodyLimit: null,
        headers: [],
        schemaSubject: null,
        summary: null,
        announced: {
          auth: null,
          roles: [],
          scopes: [],
          limits: [],
          cost: null,
          cors: null,
          contentTypes: null,
          timeoutMs: null,
          bodyLimit: null,
        },
      },
    });
  });

  test('says everything else about the route', () => {
    const candidate = only(
      {
        'sluice.route': 'POST /v1/orders',
        'sluice.encoding': 'msgpack',
        'sluice.auth': 'jwt, key',
        'sluice.timeout': '500ms',
        'sluice.headers': 'X-B, x-a',
        'sluice.schema': 'sluice.schema.orders.get',
        'sluice.summary': 'Adds\nan order',
        'sluice.body_limit': '10',
        'sluice.scopes': 'orders:write, orders:read',
        'sluice.roles': 'clerk',
        'sluice.rate': 'burst',
        'sluice.cost': '5',
        'sluice.cors': 'shop',
        'sluice.content_types': 'application/json',
        'sluice.unheard_of': 'ignored',
      },
      'orders.add',
      {
        limits: { burst: { limit: 10, window: '1m' }, base: { limit: 10, window: '1m' } },
        cors: { shop: { origins: ['https://shop.test'] } },
        defaults: { limits: ['base'] },
      },
    );
    expect('route' in candidate && candidate.route).toMatchObject({
      encoding: 'msgpack',
      auth: ['jwt', 'key'],
      scopes: ['orders:write', 'orders:read'],
      roles: ['clerk'],
      limits: ['base', 'burst'],
      cost: 5,
      cors: 'shop',
      contentTypes: ['application/json'],
      timeoutMs: 500,
      headers: ['x-a', 'x-b'],
      schemaSubject: 'sluice.schema.orders.get',
      summary: 'Adds an order',
      bodyLimit: 10,
    });
  });

  test.each([
    ['sluice.timeout', 'never'],
    ['sluice.encoding', 'xml'],
    ['sluice.auth', 'public,jwt'],
    ['sluice.auth', 'password'],
    ['sluice.scopes', 'a"b'],
    ['sluice.cost', '0'],
    ['sluice.content_types', 'json'],
    ['sluice.headers', 'a b'],
    ['sluice.body_limit', 'big'],
    ['sluice.schema', 'a.*'],
    ['sluice.route', 'GET /a//b'],
  ])('with a bad %s is a problem that names it', (key, value) => {
    const candidate = only({ 'sluice.route': '/a', [key]: value });
    expect('problem' in candidate && candidate.problem).toMatchObject({
      id: 'orders.get',
      origin: 'discovered',
      source: 'service orders 1.2.0, endpoint get',
      detail: expect.stringContaining(key),
    });
  });

  test.each([['x'.repeat(5_000)], [['read']], [5]])(
    'that is no text, or too long to be one, is a problem: it might have closed the route',
    (value) => {
      const metadata = { 'sluice.route': '/a', 'sluice.auth': 'key', 'sluice.scopes': value as string };
      expect(only(metadata)).toMatchObject({
        problem: { detail: expect.stringContaining('sluice.scopes is no text') },
      });
    },
  );

  test('cannot point a route at the server or at the gateway itself', () => {
    expect(only({ 'sluice.route': '/a' }, '$JS.API.INFO')).toHaveProperty('problem');
    expect(only({ 'sluice.route': '/a' }, 'sluice.route')).toHaveProperty('problem');
  });

  test('that says nothing about who may call leaves it to the document', () => {
    const open = only({ 'sluice.route': '/a' }, 'orders.get', { defaults: { auth: 'public' } });
    expect(open).toMatchObject({ route: { auth: 'public' } });
    const keys = only({ 'sluice.route': '/a', 'sluice.scopes': 'read' }, 'orders.get', {
      defaults: { auth: ['key'] },
    });
    expect(keys).toMatchObject({ route: { auth: ['key'], scopes: ['read'] } });
  });

  test('with scopes or roles but no methods is closed where the document makes everything public', () => {
    const document: GatewayInput = { defaults: { auth: 'public' } };
    for (const key of ['sluice.scopes', 'sluice.roles'])
      expect(only({ 'sluice.route': '/a', [key]: 'read' }, 'orders.get', document)).toMatchObject({
        route: { auth: [] },
      });
    expect(only({ 'sluice.route': '/a', 'sluice.roles': 'admin', 'sluice.auth': 'public' })).toHaveProperty(
      'problem',
    );
  });
});

test('endpoints of different groups may share a name', () => {
  const instance = parseInfo(
    info([
      { name: 'get', subject: 'v2.get', metadata: { 'sluice.route': '/v2' } },
      { name: 'get', subject: 'v1.get', metadata: { 'sluice.route': '/v1' } },
    ]),
  );
  expect(candidatesOf(instance!, policies()).map(({ id }) => id)).toEqual(['orders.get', 'orders.v2.get']);
});
