import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAdmin, type Answer, type TestAdmin } from '../testing/harness.ts';

/** Calls of the harness come from 203.0.113.9, an address for documentation, which no country has. */
let admin: TestAdmin;
beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(() => admin[Symbol.asyncDispose]());

const tag = async (): Promise<string> => (await admin.ask('document-get')).etag;
const put = async (body: object, query = ''): Promise<Answer> =>
  admin.ask('document-put', {
    headers: ['content-type', 'application/json', 'if-match', await tag()],
    body,
    query,
  });
const own = ['203.0.113.0/24'];
const route = { id: 'a', path: '/a', subject: 'a', auth: ['key'] };

test.each<[string, object]>([
  ['/addresses/deny', { addresses: { deny: ['203.0.113.9'] } }],
  ['/addresses/deny', { addresses: { deny: ['198.51.100.1', '0.0.0.0/0'], allow: own } }],
  ['/addresses/deny', { addresses: { lists: { everybody: own }, deny: ['everybody'] } }],
  ['/addresses/deny', { addresses: { deny: ['::ffff:203.0.113.0/120'] } }],
  ['/addresses/allow', { addresses: { allow: [] } }],
  [
    '/addresses/allow',
    { addresses: { lists: { office: ['192.0.2.0/24'] }, allow: ['office', 'country:DE'] } },
  ],
  [
    '/overrides/admin.document-put/addresses/deny',
    { overrides: { 'admin.document-put': { addresses: { deny: own } } } },
  ],
  ['/overrides/admin.*/addresses/allow', { overrides: { 'admin.*': { addresses: { allow: ['::1'] } } } }],
])('a document that refuses whoever applies it is refused, by %s: %j', async (pointer, document) => {
  const before = await tag();
  for (const query of ['', 'dry_run=true']) {
    const answer = await put(document, query);
    expect([answer.status, answer.json['code']]).toEqual([409, 'conflict']);
    expect(answer.json['detail']).toContain('refuses the address that it is applied from, 203.0.113.9');
    expect(answer.json.errors).toEqual([{ in: 'body', pointer, detail: 'refuses 203.0.113.9' }]);
  }
  expect(await tag()).toBe(before);
});

test.each<[string, object]>([
  ['refuses others', { addresses: { deny: ['198.51.100.0/24', '::/0', 'country:KP'] } }],
  ['lets it in by a list', { addresses: { lists: { office: own }, allow: ['office'] } }],
  ['refuses it elsewhere', { routes: [{ ...route, addresses: { deny: own } }] }],
  [
    'says the opposite more particularly',
    {
      overrides: {
        'admin.*': { addresses: { deny: own } },
        'admin.document-put': { addresses: { deny: [] } },
      },
    },
  ],
])('a document that %s is applied', async (_what, document) => {
  expect((await put(document)).status).toBe(200);
});

test('with `force` it is applied, and then changes of it too, by whoever still comes through', async () => {
  const denied = { addresses: { deny: own } };
  expect((await put(denied, 'dry_run=true&force=true')).json['dry_run']).toBe(true);
  const forced = await put(denied, 'force=true');
  expect([forced.status, forced.json['changed']]).toEqual([200, true]);
  expect((await put({ ...denied, routes: [route] })).status).toBe(200);
  expect((await put({})).status).toBe(200);

  const revision = String(forced.json['revision']);
  const rollback = async (query: string): Promise<Answer> =>
    admin.ask('revisions-rollback', { params: { revision }, headers: ['if-match', await tag()], query });
  expect((await rollback('')).json).toMatchObject({ status: 409, code: 'conflict' });
  expect((await rollback('force=true')).status).toBe(200);
});
