import { plainRoute } from '@sluice/routes';
import { describe, expect, test } from 'vitest';
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

function only(metadata: Record<string, string>, subject = 'orders.get') {
  const instance = parseInfo(info([{ name: 'get', subject, metadata }]));
  if (!instance) throw new Error('not an INFO answer');
  const [candidate] = candidatesOf(instance, 10_000);
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
  test('with only a route gets every default', () => {
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
        auth: 'public',
        timeoutMs: 10_000,
        bodyLimit: null,
        headers: [],
        schemaSubject: null,
        summary: null,
      },
    });
  });

  test('says everything else about the route', () => {
    const candidate = only({
      'sluice.route': 'POST /v1/orders',
      'sluice.encoding': 'msgpack',
      'sluice.auth': 'jwt, apikey',
      'sluice.timeout': '500ms',
      'sluice.headers': 'X-B, x-a',
      'sluice.schema': 'sluice.schema.orders.get',
      'sluice.summary': 'Adds\nan order',
      'sluice.body_limit': '10',
      'sluice.rate': 'whatever',
    });
    expect('route' in candidate && candidate.route).toMatchObject({
      encoding: 'msgpack',
      auth: ['jwt', 'apikey'],
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

  test('cannot point a route at the server or at the gateway itself', () => {
    expect(only({ 'sluice.route': '/a' }, '$JS.API.INFO')).toHaveProperty('problem');
    expect(only({ 'sluice.route': '/a' }, 'sluice.route')).toHaveProperty('problem');
  });

  test('with scopes or roles but no methods closes the route', () => {
    expect(only({ 'sluice.route': '/a', 'sluice.scopes': 'read' })).toMatchObject({ route: { auth: [] } });
    expect(only({ 'sluice.route': '/a', 'sluice.roles': 'admin' })).toMatchObject({ route: { auth: [] } });
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
  expect(candidatesOf(instance!, 1).map(({ id }) => id)).toEqual(['orders.get', 'orders.v2.get']);
});
