import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyDocument, revocationKey } from '@sluice/policy';
import { lastMessage, openBucket, type Bucket } from '@sluice/nats';
import { until } from '@sluice/testing';
import { person, startAdmin, type Answer, type AnswerRow, type TestAdmin } from '../testing/harness.ts';

let admin: TestAdmin;
let bucket: Bucket;

beforeAll(async () => {
  admin = await startAdmin();
  bucket = await openBucket(admin.bus, { name: 'revocations', perKeyTtl: true });
  const issuer = { issuer: 'https://id.test', audience: ['a'], jwks: { url: 'https://id.test/jwks' } };
  await applyDocument(admin.bus, { issuers: { corp: issuer } }, { expectedRevision: 0, author: 'test' });
  await until(() => admin.document.revision > 0);
});
afterAll(async () => admin[Symbol.asyncDispose]());

const revoke = (body: object): Promise<Answer> => admin.ask('revocations-create', { body });
const listed = async (): Promise<readonly AnswerRow[]> =>
  (await admin.ask('revocations-list', { identity: person('eve', 'viewer') })).json.data;

test('a token is revoked by its id, listed, and lifted again', async () => {
  const made = await revoke({ issuer: 'corp', jti: 'a.b/c ü', reason: 'stolen laptop' });
  expect(made.status).toBe(201);
  const id = revocationKey({ kind: 'jti', source: 'corp', id: 'a.b/c ü' });
  expect(made.json).toMatchObject({ id, kind: 'jti', issuer: 'corp', value: 'a.b/c ü', until: null });
  expect(JSON.parse(Buffer.from((await bucket.get(id))!.value).toString())).toEqual({
    at: made.json.at,
    until: null,
    reason: 'stolen laptop',
  });
  expect(await listed()).toEqual([made.json]);

  const params = { revocation: id };
  expect((await admin.ask('revocations-get', { params })).etag).toBe(made.etag);
  expect((await admin.ask('revocations-delete', { params })).status).toBe(428);
  expect((await admin.ask('revocations-delete', { params, headers: ['if-match', '"999"'] })).status).toBe(
    412,
  );
  const headers = ['if-match', made.etag];
  expect((await admin.ask('revocations-delete', { params, headers })).status).toBe(204);
  expect(await listed()).toEqual([]);
  expect((await admin.ask('revocations-delete', { params, headers })).status).toBe(404);

  const audit = await admin.ask('audit-list', { query: 'action=revocation' });
  expect(audit.json.data).toMatchObject([
    { action: 'revocation.delete', target: 'revocation/jti/corp/a.b/c ü', after: null, outcome: 'made' },
    { action: 'revocation.create', before: null, after: { reason: 'stolen laptop' } },
  ]);
});

test('revoking a subject again covers the tokens made since', async () => {
  const first = await revoke({ issuer: 'corp', subject: 'bob' });
  await until(() => Date.now() > first.json.at);
  const again = await revoke({ issuer: 'corp', subject: 'bob' });
  expect(again.json.at).toBeGreaterThan(first.json.at);
  expect(await listed()).toEqual([again.json]);
});

test('an entry goes by itself when the tokens have ended', async () => {
  const made = await revoke({ issuer: 'corp', jti: 'short', until: Date.now() + 3_600_000 });
  const message = await lastMessage(admin.bus, 'KV_revocations', `$KV.revocations.${made.json.id}`);
  const seconds = Number(message?.header('Nats-TTL')?.replace(/s$/, ''));
  expect(seconds).toBeGreaterThan(3_000);
  expect(seconds).toBeLessThanOrEqual(3_600);
});

test('an end that is far beyond what a server can count is kept, and the entry with it', async () => {
  const until = Date.UTC(9999, 11, 31);
  const made = await revoke({ issuer: 'corp', jti: 'forever', until });
  expect(made.status).toBe(201);
  expect(made.json).toMatchObject({ until });
  const message = await lastMessage(admin.bus, 'KV_revocations', `$KV.revocations.${made.json.id}`);
  expect(message?.header('Nats-TTL')).toBeUndefined();
});

test('a subject may be as long in any script, and be lifted again', async () => {
  const made = await revoke({ issuer: 'corp', subject: '語'.repeat(512) });
  expect(made.status).toBe(201);
  const asked = { params: { revocation: made.json.id }, headers: ['if-match', made.etag] };
  expect((await admin.ask('revocations-get', asked)).json).toEqual(made.json);
  expect((await admin.ask('revocations-delete', asked)).status).toBe(204);
});

test('what could mean nothing is refused', async () => {
  for (const [body, pointer] of [
    [{ issuer: 'crop', jti: 'x' }, '/issuer'],
    [{ issuer: 'corp' }, '/jti'],
    [{ issuer: 'corp', jti: 'x', subject: 'y' }, '/jti'],
    [{ issuer: 'corp', jti: 'x', until: 5 }, '/until'],
  ] as const) {
    const answer = await revoke(body);
    expect([answer.status, answer.json.errors[0]?.pointer]).toEqual([400, pointer]);
  }
});
