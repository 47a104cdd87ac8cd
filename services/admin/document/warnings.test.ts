import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBucket } from '@sluice/nats';
import { applyDocument } from '@sluice/policy';
import { plainRoute, routeKey, routesBucket, type CompiledRoute } from '@sluice/routes';
import { startAdmin, type Answer, type TestAdmin } from '../testing/harness.ts';

let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin[Symbol.asyncDispose]());

const announced: CompiledRoute = {
  ...plainRoute,
  id: 'orders.get',
  method: 'GET',
  path: '/v1/orders/{id}',
  origin: 'discovered',
  service: { name: 'orders', version: '1.0.0' },
  subject: 'orders.get',
  encoding: 'raw',
  timeoutMs: 1_000,
  limits: ['burst'],
};
const withLimit = { limits: { burst: { limit: 1, window: '1s' } } };

async function ask(endpoint: string, body: unknown, query = ''): Promise<Answer> {
  const { etag } = await admin.ask('document-get');
  const headers = ['content-type', 'application/json', 'if-match', etag];
  return admin.ask(endpoint, { headers, body, query });
}

test('a document that takes announced routes out of the table is applied with a warning', async () => {
  // Before any router has made the table there is nothing to lose, and nothing is made for that.
  expect((await ask('document-put', withLimit)).json['warnings']).toEqual([]);
  expect((await ask('document-diff', {})).json['warnings']).toEqual([]);

  const table = await openBucket(admin.bus, { name: routesBucket });
  await table.put(routeKey('orders.get'), JSON.stringify(announced));
  await table.put(routeKey('broken'), 'not JSON');
  await table.put(routeKey('other'), JSON.stringify({ ...announced, id: 'orders.get' }));
  const warnings = [
    {
      route: 'orders.get',
      detail:
        'GET /v1/orders/{id} leaves the route table: limit "burst", which it announces, is not in the document',
    },
  ];
  expect((await ask('document-diff', {})).json['warnings']).toEqual(warnings);
  expect((await ask('document-put', {}, 'dry_run=true')).json).toMatchObject({ changed: false, warnings });
  const harmless = { ...withLimit, live: { channels: 5 } };
  expect((await ask('document-put', harmless)).json).toMatchObject({ changed: true, warnings: [] });
  expect((await ask('document-put', {})).json).toMatchObject({ changed: true, warnings });
});

test('of very many routes the first are listed', async () => {
  await ask('document-put', withLimit);
  const table = await openBucket(admin.bus, { name: routesBucket });
  for (let n = 0; n < 120; n++)
    await table.put(
      routeKey(`orders.r${n}`),
      JSON.stringify({ ...announced, id: `orders.r${n}`, path: `/v1/r${n}` }),
    );
  const warnings = (await ask('document-diff', {})).json['warnings'] as unknown[];
  expect(warnings).toHaveLength(101);
  expect(warnings.at(-1)).toEqual({ route: null, detail: '21 more routes leave the table' });
});

test('who applies a document beside a file that routers load is told so, by rollback as well', async () => {
  const { revision } = await applyDocument(
    admin.bus,
    { live: { channels: 1 } },
    { expectedRevision: null, author: 'file gateway.yaml', file: { name: 'gateway.yaml', again: false } },
  );
  const warnings = [
    {
      route: null,
      detail: `routers load the document from a file, too (gateway.yaml, last as revision ${revision}): its next change takes the place of this document`,
    },
  ];
  const other = { live: { channels: 2 } };
  expect((await ask('document-diff', other)).json['warnings']).toEqual(warnings);
  const applied = await ask('document-put', other);
  expect(applied.json).toMatchObject({ changed: true, warnings });
  // What stays as it is, nothing takes the place of.
  expect((await ask('document-put', other)).json).toMatchObject({ changed: false, warnings: [] });
  const headers = ['if-match', applied.etag];
  const back = await admin.ask('revisions-rollback', { headers, params: { revision: String(revision) } });
  expect(back.json).toMatchObject({ changed: true, warnings });
});
