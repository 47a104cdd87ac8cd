import { describe, expect, test } from 'vitest';
import { plainRoute, type CompiledRoute } from '@sluice/routes';
import { checkDocument } from './check/check.ts';
import type { GatewayDocument, GatewayInput } from './document/gateway.ts';
import { lostRoutes } from './lost-routes.ts';

const limit = { limit: 1, window: '1s' };
const web = { origins: ['https://a.test'] };

function documentOf(input: GatewayInput): GatewayDocument {
  const checked = checkDocument(input);
  if (!checked.ok) throw new Error(JSON.stringify(checked.faults));
  return checked.document;
}

const announced = (more: Partial<CompiledRoute> = {}): CompiledRoute => ({
  ...plainRoute,
  id: 'orders.get',
  method: 'GET',
  path: '/v1/orders/{id}',
  origin: 'discovered',
  service: { name: 'orders', version: '1.0.0' },
  subject: 'orders.get',
  encoding: 'raw',
  timeoutMs: 1_000,
  ...more,
});

const reasons = (before: GatewayInput, after: GatewayInput, route = announced()): string[] =>
  lostRoutes([route], documentOf(before), documentOf(after)).map(({ reason }) => reason);

describe('an announced route is lost', () => {
  test('with a limit or a CORS policy that it announces', () => {
    const before: GatewayInput = { limits: { burst: limit }, cors: { web } };
    const route = announced({ limits: ['burst'], cors: 'web' });
    expect(reasons(before, { cors: { web } }, route)).toEqual([
      'limit "burst", which it announces, is not in the document',
    ]);
    expect(reasons(before, { limits: { burst: limit } }, route)).toEqual([
      'CORS policy "web", which it announces, is not in the document',
    ]);
    expect(reasons(before, before, route)).toEqual([]);
  });

  test('when its service may no longer announce it', () => {
    expect(reasons({}, { services: { orders: { paths: ['/v2'] } } })).toEqual([
      'service orders may not announce /v1/orders/{id}: `services` of the gateway document allows it /v2',
    ]);
    const admin = announced({ path: '/admin/v1/status', subject: 'sluice.admin.status' });
    expect(reasons({}, { services: {} }, admin)).toEqual([]);
  });

  test('when a route is declared in its place, or with its id', () => {
    const declared = { id: 'mine', path: '/v1/orders/{order}', subject: 'mine.get' };
    expect(reasons({}, { routes: [declared] })).toEqual(['the document declares route mine in its place']);
    expect(reasons({}, { routes: [{ ...declared, id: 'orders.get', path: '/other' }] })).toEqual([
      'the document declares a route with its id',
    ]);
    expect(reasons({}, { routes: [{ ...declared, method: 'POST' }] })).toEqual([]);
  });
});

describe('nobody is warned of a route', () => {
  const defaults = { limits: ['burst'], cors: 'web' };
  const before = { limits: { burst: limit, other: limit }, cors: { web }, defaults };

  test('that has its limits and its CORS policy from the defaults', () => {
    expect(reasons(before, {}, announced({ limits: ['burst'], cors: 'web' }))).toEqual([]);
  });

  test('whose limits come from an override, before or after', () => {
    const overrides = { 'orders.*': { limits: ['other'] } };
    expect(reasons({ ...before, overrides }, {}, announced({ limits: ['other'] }))).toEqual([]);
    const after = { limits: { other: limit }, overrides };
    expect(reasons(before, after, announced({ limits: ['burst', 'gone'] }))).toEqual([]);
  });

  test('that is declared', () => {
    const route = announced({ origin: 'declared', service: null, limits: ['other'] });
    expect(reasons(before, {}, route)).toEqual([]);
  });
});
