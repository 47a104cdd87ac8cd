import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyDocument } from '@sluice/policy';
import { until } from '@sluice/testing';
import type { Identity } from '@sluice/wire';
import { adminEndpoints } from './endpoints.ts';
import { person, startAdmin, type TestAdmin } from './testing/harness.ts';

let admin: TestAdmin;

beforeAll(async () => {
  admin = await startAdmin();
  await applyDocument(
    admin.bus,
    { quotas: { month: { limit: 100, period: 'month' } }, consumers: [{ id: 'shop', quotas: ['month'] }] },
    { expectedRevision: 0, author: 'test' },
  );
  await until(() => admin.document.revision > 0);
});
afterAll(async () => admin[Symbol.asyncDispose]());

/** What each endpoint needs to get as far as its caller's roles. */
const asked: Record<string, { params?: Record<string, string>; body?: unknown }> = {
  'consumers-create': { body: { id: 'x' } },
  'consumers-put': { params: { consumer: 'shop' }, body: {} },
  'keys-create': { params: { consumer: 'shop' }, body: {} },
  'keys-change': { body: {} },
  'keys-rotate': { body: {} },
  'revocations-create': { body: { issuer: 'x', jti: 'x' } },
};
const everyParam = { consumer: 'shop', key: 'abcdefghijkl', revision: '1', revocation: 'jti.eA.eA' };

const endpoints = (): [string, { readonly roles?: readonly string[] }][] =>
  Object.entries(adminEndpoints({ ...admin, metrics: undefined as never }));
const statusOf = async (endpoint: string, identity: Identity | null): Promise<number> =>
  (await admin.ask(endpoint, { params: everyParam, ...asked[endpoint], identity })).status;

describe('every endpoint checks its caller itself, whatever the edge has let through:', () => {
  test('nobody without credentials, nobody without a role', async () => {
    for (const [endpoint, { roles }] of endpoints()) {
      expect([endpoint, await statusOf(endpoint, null)]).toEqual([endpoint, 401]);
      if (roles)
        expect([endpoint, await statusOf(endpoint, person('mallory', 'buyer'))]).toEqual([endpoint, 403]);
    }
  });

  test('viewers read and change nothing', async () => {
    const viewer = person('eve', 'viewer');
    const reading: string[] = [];
    for (const [endpoint, { roles }] of endpoints()) {
      const status = await statusOf(endpoint, viewer);
      if (roles?.includes('admin')) expect([endpoint, status]).toEqual([endpoint, 403]);
      else if (roles) {
        reading.push(endpoint);
        expect([endpoint, status]).not.toEqual([endpoint, 403]);
      }
    }
    expect(reading).toContain('audit-list');
    expect((await admin.ask('audit-list')).json).toEqual({ data: [], next: null });
  });

  test('every route lies under /admin/v1/ or is /v1/usage, and says who may call it', () => {
    for (const [name, endpoint] of Object.entries(
      adminEndpoints({ ...admin, metrics: undefined as never }),
    )) {
      expect(endpoint.route).toMatch(/^[A-Z]+ (?:\/admin\/v1\/|\/v1\/usage$)/);
      expect(endpoint.subject).toBe(`sluice.admin.${name}`);
      expect(endpoint.auth).toEqual(['key', 'jwt', 'oauth', 'session']);
    }
  });
});

describe('usage', () => {
  const month = { quota: 'month', period: 'month', limit: 100, used: 0, remaining: 100 };

  test('is for the consumer itself, by the key or by what the edge says of its token', async () => {
    const key: Identity = { subject: 'shop', kind: 'key', roles: [], scopes: [], tenant: null };
    expect((await admin.ask('usage-own', { identity: key })).json).toMatchObject({
      consumer: 'shop',
      quotas: [month],
    });
    const headers = ['sluice-consumer', 'shop'];
    expect((await admin.ask('usage-own', { identity: person('bob'), headers })).json).toMatchObject({
      consumer: 'shop',
    });
    expect((await admin.ask('usage-own', { identity: person('bob') })).status).toBe(403);
  });

  test('of any consumer is for viewers', async () => {
    const params = { consumer: 'shop' };
    const identity = person('eve', 'viewer');
    expect((await admin.ask('usage-consumer', { params, identity })).json).toMatchObject({ quotas: [month] });
    expect((await admin.ask('usage-consumer', { params: { consumer: 'no' } })).status).toBe(404);
  });
});

test('status shows the instances that run and the revision that is followed', async () => {
  const { json } = await admin.ask('status');
  expect(json['document']).toEqual({
    followed: admin.document.revision,
    stored: admin.document.revision,
    file: null,
  });
  expect(json['instances']).toEqual([
    expect.objectContaining({ name: 'admin', version: '1.0.0', started: expect.stringMatching(/^\d{4}-/) }),
  ]);
  expect((json['instances'] as { requests: number }[])[0]?.requests).toBeGreaterThan(0);
});
