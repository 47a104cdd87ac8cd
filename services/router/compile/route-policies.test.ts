import { describe, expect, test } from 'vitest';
import { gatewaySchema, type GatewayInput } from '@sluice/policy';
import { plainRoute, type CompiledRoute } from '@sluice/routes';
import { readAnnouncement } from '../discovery/announcement.ts';
import { RoutePolicies } from './route-policies.ts';

function policies(document: GatewayInput): RoutePolicies {
  return new RoutePolicies(gatewaySchema.parse(document), 10_000);
}

function announced(
  document: GatewayInput,
  metadata: Record<string, string> = {},
  { service = 'orders', endpoint = 'get', subject = 'orders.get' } = {},
): CompiledRoute {
  const announcement = readAnnouncement({
    name: endpoint,
    subject,
    metadata: { 'sluice.route': 'GET /v1/orders/{id}', ...metadata },
  });
  const id = `${service}.${endpoint}`;
  return policies(document).announced(id, { name: service, version: '1.0.0' }, announcement);
}

describe('a declared route', () => {
  const route = { id: 'a', path: '/a', subject: 'a.get' };

  test('has what it says, and what the defaults say besides', () => {
    const [compiled] = policies({
      defaults: { auth: ['key'], limits: ['base'], cors: 'site' },
      limits: { base: { limit: 1, window: '1m' }, own: { limit: 1, window: '1m' } },
      cors: { site: { origins: ['https://a.test'] } },
      routes: [
        {
          ...route,
          scopes: ['a:read'],
          limits: ['own', 'base'],
          cost: 3,
          addresses: { deny: ['country:XX'] },
          timeout: '2s',
          schema: { query: { type: 'object' } },
        },
      ],
    }).declared;
    expect(compiled).toEqual({
      ...plainRoute,
      id: 'a',
      method: 'GET',
      path: '/a',
      origin: 'declared',
      service: null,
      subject: 'a.get',
      encoding: 'raw',
      auth: ['key'],
      scopes: ['a:read'],
      limits: ['base', 'own'],
      cost: 3,
      cors: 'site',
      addresses: { allow: null, deny: ['country:XX'] },
      timeoutMs: 2_000,
      schemas: { query: { type: 'object' } },
    });
  });

  test('that says nothing is closed, also where scopes stand beside public defaults', () => {
    expect(policies({ routes: [route] }).declared[0]?.auth).toEqual([]);
    const asking = { defaults: { auth: 'public' as const }, routes: [{ ...route, roles: ['clerk'] }] };
    expect(policies(asking).declared[0]?.auth).toEqual([]);
  });
});

describe('an override', () => {
  const said = { 'sluice.auth': 'jwt', 'sluice.scopes': 'orders:read', 'sluice.timeout': '1s' };

  test('goes before what the service announces, member by member', () => {
    expect(announced({ overrides: { 'orders.get': { auth: ['key'], cost: 2 } } }, said)).toMatchObject({
      auth: ['key'],
      scopes: ['orders:read'],
      cost: 2,
      timeoutMs: 1_000,
    });
  });

  test('that says public takes the roles and scopes away too', () => {
    expect(announced({ overrides: { 'orders.*': { auth: 'public' } } }, said)).toMatchObject({
      auth: 'public',
      scopes: [],
    });
  });

  test('for one route goes before one for many, and a pattern before a wider one', () => {
    const overrides: GatewayInput['overrides'] = {
      'orders.get': { cost: 3 },
      'orders.*': { cost: 2, timeout: '3s' },
      'shop.*.read': { cost: 7 },
      'shop.*': { cost: 5, timeout: '5s' },
    };
    expect(announced({ overrides }, said)).toMatchObject({ cost: 3, timeoutMs: 3_000 });
    const other = { service: 'shop', endpoint: 'v1.read' };
    expect(announced({ overrides }, said, other)).toMatchObject({ cost: 7, timeoutMs: 5_000 });
  });

  test('touches no other route', () => {
    const overrides = { 'orders.put': { auth: 'public' as const }, 'order.*': { auth: 'public' as const } };
    expect(announced({ overrides }, said).auth).toEqual(['jwt']);
  });
});

describe('a service may announce', () => {
  const services = { orders: { paths: ['/v1/orders/', '/v2'] }, '*': { paths: ['/public'] } };
  const at = (route: string, service = 'orders') =>
    announced({ services }, { 'sluice.route': route }, { service }).path;

  test.each(['/v1/orders', '/v1/orders/{id}', '/v2', '/v2/anything/{x...}'])('%s', (path) =>
    expect(at(path)).toBe(path),
  );

  test.each(['/v1/ordersystem', '/v1/{orders}', '/', '/{path...}', '/public/x'])('not %s', (path) =>
    expect(() => at(path)).toThrow('may not announce'),
  );

  test('what * says where it is not named, and nothing where nobody is', () => {
    expect(at('/public/x', 'other')).toBe('/public/x');
    expect(() => at('/v1/orders', 'other')).toThrow('allows it /public');
    const named = { services: { orders: { paths: ['/'] } } };
    expect(() => announced(named, {}, { service: 'other' })).toThrow('allows it nothing');
  });
});

describe('the admin API', () => {
  const own = { service: 'admin', subject: 'sluice.admin.keys' };
  const metadata = { 'sluice.route': 'GET /admin/v1/keys', 'sluice.auth': 'key', 'sluice.roles': 'viewer' };

  test('belongs to the admin service, whatever the document allows', () => {
    expect(announced({}, metadata, own).roles).toEqual(['viewer']);
    expect(() => announced({}, metadata)).toThrow('own admin service');
    expect(() => announced({}, { ...metadata, 'sluice.route': '/v1/usage' })).toThrow('own admin service');
    expect(announced({}, { ...metadata, 'sluice.route': '/v1/usages' }).path).toBe('/v1/usages');
  });

  test('has no limits but those that an override gives it: defaults could lock out who may change them', () => {
    const document: GatewayInput = {
      defaults: { limits: ['tiny'] },
      limits: { tiny: { limit: 1, window: '1d' }, own: { limit: 100, window: '1m' } },
    };
    expect(announced(document, metadata, own).limits).toEqual([]);
    const overrides = { 'admin.*': { limits: ['own'] } };
    expect(announced({ ...document, overrides }, metadata, own).limits).toEqual(['own']);
    const usage = { ...metadata, 'sluice.route': '/v1/usage' };
    expect(announced(document, usage, { ...own, subject: 'sluice.admin.usage-own' }).limits).toEqual([
      'tiny',
    ]);
  });

  test('cannot be announced anywhere else, nor for less than its roles', () => {
    const elsewhere = { ...metadata, 'sluice.route': 'GET /v1/keys' };
    expect(() => announced({}, elsewhere, own)).toThrow('answers below /admin');
    const open = { ...metadata, 'sluice.auth': 'public', 'sluice.roles': '' };
    expect(() => announced({}, open, own)).toThrow('cannot be public');
    expect(() => announced({}, { ...metadata, 'sluice.roles': '' }, own)).toThrow('ask for the roles');
    expect(() => announced({}, { ...metadata, 'sluice.roles': 'viewer,clerk' }, own)).toThrow('no other');
  });

  test('keeps its place when `services` forgets it', () => {
    const services = { orders: { paths: ['/v1/orders'] } };
    expect(announced({ services }, metadata, own).path).toBe('/admin/v1/keys');
  });

  test('is not opened by an override', () => {
    const overrides = { 'admin.*': { auth: 'public' as const } };
    expect(() => announced({ overrides }, metadata, own)).toThrow('cannot be public');
  });
});

test('names that the document does not define keep a route out of the table', () => {
  expect(() => announced({}, { 'sluice.rate': 'burst' })).toThrow('limit "burst" is not in');
  expect(() => announced({}, { 'sluice.cors': 'shop' })).toThrow('CORS policy "shop" is not in');
});
