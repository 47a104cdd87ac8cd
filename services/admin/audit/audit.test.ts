import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publishStored, type Bus } from '@sluice/nats';
import { startNatsServer, until } from '@sluice/testing';
import { redacted } from './entry.ts';
import { startAdmin, type AnswerBody, type AnswerRow, type TestAdmin } from '../testing/harness.ts';

let admin: TestAdmin;

beforeAll(async () => {
  admin = await startAdmin();
});
afterAll(async () => admin[Symbol.asyncDispose]());

const list = async (query = ''): Promise<AnswerBody> => (await admin.ask('audit-list', { query })).json;

describe('the audit log', () => {
  test('is a stream that nobody can take entries out of', async () => {
    const answer = await admin.bus.request('$JS.API.STREAM.INFO.AUDIT', '', {
      deadline: Date.now() + 10_000,
    });
    expect((answer.json() as { config: object }).config).toMatchObject({
      subjects: ['audit.>'],
      storage: 'file',
      max_age: 0,
      deny_delete: true,
      deny_purge: true,
    });
  });

  test('is listed newest first in pages, by action, target and who', async () => {
    await publishMany(admin.bus, 700);
    await admin.ask('consumers-create', { body: { id: 'one' } });
    await admin.ask('consumers-create', { body: { id: 'two' } });

    const seen: AnswerRow[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await list(`limit=300${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.data.length).toBeLessThanOrEqual(300);
      seen.push(...page.data);
      cursor = page.next;
    }
    expect(seen.map(({ id }) => id)).toHaveLength(702);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(702);
    expect(seen.slice(0, 3).map(({ target }) => target)).toEqual([
      'consumer/two',
      'consumer/one',
      'thing/699',
    ]);
    expect(seen.at(-1)?.target).toBe('thing/0');

    const targets = async (query: string): Promise<string[]> =>
      (await list(query)).data.map(({ target }) => target);
    expect(await targets('action=consumer.create')).toEqual(['consumer/two', 'consumer/one']);
    expect(await targets('action=consumer&target=consumer/one')).toEqual(['consumer/one']);
    expect(await targets('target=consumer/')).toEqual(['consumer/two', 'consumer/one']);
    expect(await targets('who=someone-5')).toEqual(['thing/5']);
    expect(await targets('who=nobody')).toEqual([]);
    expect(await targets('action=thing.done&from=1500&to=1503')).toEqual([
      'thing/502',
      'thing/501',
      'thing/500',
    ]);
    expect((await admin.ask('audit-list', { query: 'action=x.>' })).status).toBe(400);
  });

  test('tells a change whose outcome nobody wrote down from one that was made', async () => {
    const { data } = await list('limit=3');
    expect(data.map(({ outcome }) => outcome)).toEqual(['made', 'made', 'unknown']);
  });

  test('shows a change that lost against another one as refused', async () => {
    const { etag } = await admin.ask('consumers-create', { body: { id: 'raced' } });
    const tries = await Promise.all(
      ['a', 'b', 'c', 'd'].map((description) =>
        admin.ask('consumers-put', {
          params: { consumer: 'raced' },
          body: { description },
          headers: ['if-match', etag],
        }),
      ),
    );
    expect(tries.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(tries.filter(({ status }) => status === 412)).toHaveLength(3);
    const { data } = await list('target=consumer/raced');
    const outcomes = data.filter(({ action }) => action === 'consumer.update').map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'made')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome !== 'made').every((outcome) => outcome === 'refused')).toBe(
      true,
    );
  });
});

test('what may be a secret is not written down, wherever it stands', () => {
  const secrets = ['hash', 'secret', 'client_secret', 'cookie_key', 'password', 'token', 'authorization'];
  for (const name of secrets)
    expect(redacted([{ a: { [name]: 'x', kept: 'y' } }])).toEqual([
      { a: { [name]: '[redacted]', kept: 'y' } },
    ]);
  const reference = { client_secret: { env: 'NAME' } };
  expect(redacted(reference)).toEqual(reference);
});

test('a change whose entry cannot be written is not made', async () => {
  await using broken = await startAdmin();
  await broken.ask('consumers-create', { body: { id: 'before' } });
  // The log refuses new entries, everything else works.
  const spec = { name: 'AUDIT', subjects: ['audit.>'], max_msgs: 2, discard: 'new' };
  const config = { ...spec, storage: 'file', allow_direct: true, deny_delete: true, deny_purge: true };
  await broken.bus.request('$JS.API.STREAM.UPDATE.AUDIT', JSON.stringify(config), {
    deadline: Date.now() + 10_000,
  });

  const refused = await broken.ask('consumers-create', { body: { id: 'after' } });
  expect([refused.status, refused.json['detail']]).toEqual([
    503,
    'The audit log cannot be written: nothing was changed.',
  ]);
  expect(refused.header('retry-after')).toBeDefined();
  expect((await broken.ask('consumers-get', { params: { consumer: 'after' } })).status).toBe(404);
  const document = { headers: ['content-type', 'application/json', 'if-match', '"0"'], body: { roles: {} } };
  expect((await broken.ask('document-put', document)).status).toBe(503);
  expect((await broken.ask('document-get')).etag).toBe('"0"');
  const headers = ['if-match', '*'];
  const gone = await broken.ask('consumers-delete', { params: { consumer: 'before' }, headers });
  expect(gone.status).toBe(503);
  expect((await broken.ask('consumers-get', { params: { consumer: 'before' } })).status).toBe(200);
  const metrics = await broken.registry.metrics();
  expect(metrics).toMatch(/sluice_admin_changes_total{action="consumer.create",outcome="not_audited".*} 1/);
});

test('after NATS was away everything works again, and nothing is lost', async () => {
  await using nats = await startNatsServer();
  await using restarted = await startAdmin({ nats });
  await restarted.ask('consumers-create', { body: { id: 'kept' } });
  await nats.kill();
  await until(() => !restarted.bus.connected);
  await nats.restart();
  await until(async () => (await restarted.ask('consumers-list')).status === 200, { timeoutMs: 60_000 });
  const { json } = await restarted.ask('consumers-list');
  expect(json.data.map(({ id }: { id: string }) => id)).toEqual(['kept']);
  expect((await restarted.ask('consumers-create', { body: { id: 'after' } })).status).toBe(201);
  const audit = await restarted.ask('audit-list');
  expect(audit.json.data.map(({ target }: { target: string }) => target)).toEqual([
    'consumer/after',
    'consumer/kept',
  ]);
});

/** Entries without outcomes, as processes leave them that ended in between. */
async function publishMany(bus: Bus, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const who = { subject: `someone-${i}`, kind: 'jwt', consumer: null, key: null, client: '' };
    const entry = { id: `id-${i}`, at: 1_000 + i, who, action: 'thing.done', target: `thing/${i}` };
    const rest = { before: null, after: null, comment: null, request_id: '' };
    await publishStored(bus, `audit.entry.thing.done.id-${i}`, JSON.stringify({ ...entry, ...rest }), {
      deadline: Date.now() + 20_000,
    });
  }
}
