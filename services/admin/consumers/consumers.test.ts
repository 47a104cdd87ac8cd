import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { applyDocument, gatewaySchema, hashApiKey } from '@sluice/policy';
import { openBucket } from '@sluice/nats';
import { until } from '@sluice/testing';
import { newestDocument } from '../document/newest.ts';
import { person, startAdmin, type AnswerBody, type AnswerRow, type TestAdmin } from '../testing/harness.ts';

let admin: TestAdmin;

beforeAll(async () => {
  admin = await startAdmin();
  await applyDocument(
    admin.bus,
    {
      roles: { buyer: {} },
      limits: { burst: { limit: 5, window: '1m' } },
      quotas: { month: { limit: 1_000, period: 'month' } },
      consumers: [{ id: 'declared', roles: ['buyer'] }],
    },
    { expectedRevision: 0, author: 'test' },
  );
  await until(() => admin.document.revision > 0);
});
afterAll(async () => admin[Symbol.asyncDispose]());

const makeConsumer = async (id: string, members: object = {}): Promise<string> =>
  (await admin.ask('consumers-create', { body: { id, ...members } })).etag;

const keysOf = async (consumer: string): Promise<readonly AnswerRow[]> =>
  (await admin.ask('keys-list', { params: { consumer } })).json.data;
const makeKey = async (consumer: string, body: object = {}): Promise<AnswerBody> => {
  const answer = await admin.ask('keys-create', { params: { consumer }, body });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  return answer.json;
};

describe('a consumer', () => {
  test('is created, read, replaced and deleted, each change against the state it was made to', async () => {
    const created = await admin.ask('consumers-create', {
      body: { id: 'shop', roles: ['buyer'], quotas: ['month'], tenant: 'acme' },
    });
    expect(created.status).toBe(201);
    expect(created.header('location')).toBe('/admin/v1/consumers/shop');
    expect(created.json).toMatchObject({ id: 'shop', origin: 'api', disabled: false, scopes: [] });

    const params = { consumer: 'shop' };
    const read = await admin.ask('consumers-get', { params });
    expect([read.status, read.etag, read.json]).toEqual([200, created.etag, created.json]);

    const body = { roles: [], description: 'A shop' };
    expect((await admin.ask('consumers-put', { params, body })).status).toBe(428);
    const put = await admin.ask('consumers-put', { params, body, headers: ['if-match', read.etag] });
    expect(put.json).toMatchObject({ id: 'shop', roles: [], quotas: [], description: 'A shop' });
    const stale = await admin.ask('consumers-put', { params, body, headers: ['if-match', read.etag] });
    expect(stale.status).toBe(412);

    expect((await admin.ask('consumers-delete', { params })).status).toBe(428);
    expect((await admin.ask('consumers-delete', { params, headers: ['if-match', read.etag] })).status).toBe(
      412,
    );
    const gone = await admin.ask('consumers-delete', { params, headers: ['if-match', put.etag] });
    expect([gone.status, gone.text]).toEqual([204, '']);
    expect((await admin.ask('consumers-get', { params })).status).toBe(404);
    expect((await admin.ask('consumers-delete', { params, headers: ['if-match', put.etag] })).status).toBe(
      404,
    );
  });

  test('is created once, by POST and by PUT with If-None-Match: *', async () => {
    const params = { consumer: 'once' };
    const put = (): Promise<{ status: number }> =>
      admin.ask('consumers-put', { params, body: {}, headers: ['if-none-match', '*'] });
    const tries = await Promise.all([put(), put(), put()]);
    expect(tries.map(({ status }) => String(status)).toSorted()).toEqual(['201', '412', '412']);
    expect((await admin.ask('consumers-create', { body: { id: 'once' } })).status).toBe(409);
  });

  test('may name only what the document knows', async () => {
    const body = { id: 'lost', roles: ['buyer', 'byer'], limits: ['burst', 'x'], quotas: ['day'] };
    const answer = await admin.ask('consumers-create', { body });
    expect(answer.status).toBe(400);
    expect(answer.json.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/roles/1',
      '/limits/1',
      '/quotas/0',
    ]);
    expect((await admin.ask('consumers-create', { body: { id: 'a b', x: 1 } })).json.errors).toHaveLength(2);
    await makeConsumer('helper', { roles: ['admin', 'viewer'] });
  });

  test('may name what was applied a moment ago through another process', async () => {
    const first = await admin.ask('document-get');
    const document = {
      ...first.json,
      quotas: { month: { limit: 1_000, period: 'month' }, fresh: { limit: 1, period: 'day' } },
    };
    await applyDocument(admin.bus, document, { expectedRevision: null, author: 'test' });
    const made = await admin.ask('consumers-create', { body: { id: 'early', quotas: ['fresh'] } });
    expect(made.status).toBe(201);
    const behind = { current: gatewaySchema.parse({}) };
    const newest = await newestDocument(admin.bus, behind, ({ quotas }) => Object.hasOwn(quotas, 'fresh'));
    expect(Object.keys(newest.quotas)).toEqual(['month', 'fresh']);
    expect(await newestDocument(admin.bus, behind, () => true)).toBe(behind.current);
  });

  test('of the document is shown and changed there only', async () => {
    const params = { consumer: 'declared' };
    expect((await admin.ask('consumers-get', { params })).json).toMatchObject({
      origin: 'document',
      revision: null,
      roles: ['buyer'],
    });
    const headers = ['if-match', '*'];
    expect((await admin.ask('consumers-put', { params, headers, body: {} })).status).toBe(409);
    expect((await admin.ask('consumers-delete', { params, headers })).status).toBe(409);
    expect((await admin.ask('consumers-create', { body: { id: 'declared' } })).status).toBe(409);
    const key = await makeKey('declared');
    expect((await keysOf('declared')).map(({ id }) => id)).toEqual([key.id]);
  });

  test('is found in pages, those of the document first', async () => {
    for (let i = 0; i < 5; i += 1) await makeConsumer(`page-${i}`);
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const query: string = `limit=2${next === '' ? '' : `&cursor=${next}`}`;
      const { json } = await admin.ask('consumers-list', { query, identity: person('eve', 'viewer') });
      seen.push(...json.data.map(({ id }: { id: string }) => id));
      next = json.next;
    }
    expect(seen[0]).toBe('declared');
    expect(seen.filter((id) => id.startsWith('page-'))).toEqual([0, 1, 2, 3, 4].map((i) => `page-${i}`));
    expect(new Set(seen).size).toBe(seen.length);
    expect((await admin.ask('consumers-list', { query: 'cursor=x' })).status).toBe(400);
    expect((await admin.ask('consumers-list', { query: 'limit=0' })).status).toBe(400);
  });
});

describe('a key', () => {
  test('is shown once, and kept as its hash', async () => {
    await makeConsumer('keyed');
    const until = Date.now() + 3_600_000;
    const made = await makeKey('keyed', { name: 'ci', expires: new Date(until).toISOString() });
    expect(made.key).toMatch(/^slk_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
    expect(made).toMatchObject({ name: 'ci', consumer: 'keyed', expires: until, disabled: false });

    const bucket = await openBucket(admin.bus, { name: 'consumers' });
    const stored = Buffer.from((await bucket.get(`key.${made.id}`))!.value).toString();
    expect(JSON.parse(stored)).toMatchObject({ hash: hashApiKey(made.key), consumer: 'keyed' });

    const everything = [
      await admin.ask('keys-list', { params: { consumer: 'keyed' } }),
      await admin.ask('keys-get', { params: { key: made.id } }),
      await admin.ask('audit-list', { query: `target=key/${made.id}` }),
    ];
    for (const { status, text } of everything) {
      expect(status).toBe(200);
      expect(text).not.toContain(made.key.slice(-20));
      expect(text).not.toContain(hashApiKey(made.key));
      expect(text).toContain(made.id);
    }
    const [entry] = everything[2]!.json.data;
    expect(entry?.['after']).toMatchObject({ id: made.id, hash: '[redacted]' });
  });

  test('is disabled, enabled, ended and deleted, each with If-Match and an audit entry', async () => {
    await makeConsumer('handled');
    const { id } = await makeKey('handled');
    const params = { key: id };
    const first = await admin.ask('keys-get', { params });
    expect((await admin.ask('keys-change', { params, body: { disabled: true } })).status).toBe(428);
    const disabled = await admin.ask('keys-change', {
      params,
      body: { disabled: true },
      headers: ['if-match', first.etag],
    });
    expect(disabled.json).toMatchObject({ id, disabled: true });
    const stale = await admin.ask('keys-change', {
      params,
      body: { name: 'x' },
      headers: ['if-match', first.etag],
    });
    expect(stale.status).toBe(412);
    const enabled = await admin.ask('keys-change', {
      params,
      body: { disabled: false, expires: 1_000 },
      headers: ['if-match', '*'],
    });
    expect(enabled.json).toMatchObject({ disabled: false, expires: 1_000 });
    const renamed = await admin.ask('keys-change', {
      params,
      body: { name: 'new', expires: null },
      headers: ['if-match', enabled.etag],
    });
    expect(renamed.json).toMatchObject({ name: 'new', expires: null });
    expect((await admin.ask('keys-delete', { params, headers: ['if-match', first.etag] })).status).toBe(412);
    expect((await admin.ask('keys-delete', { params, headers: ['if-match', renamed.etag] })).status).toBe(
      204,
    );
    expect((await admin.ask('keys-get', { params })).status).toBe(404);
    expect(await keysOf('handled')).toEqual([]);

    const audit = await admin.ask('audit-list', { query: `target=key/${id}` });
    expect(audit.json.data.map(({ action }: { action: string }) => action)).toEqual([
      'key.delete',
      'key.update',
      'key.enable',
      'key.disable',
      'key.create',
    ]);
  });

  test('is rotated: a second one beside it, which ends when it was told to', async () => {
    await makeConsumer('rotated');
    const old = await makeKey('rotated', { name: 'laptop' });
    const params = { key: old.id };
    const ends = Date.now() + 60_000;
    expect((await admin.ask('keys-rotate', { params, body: {} })).status).toBe(428);
    const made = await admin.ask('keys-rotate', {
      params,
      body: { old_expires: ends },
      headers: ['if-match', '*'],
    });
    expect(made.status).toBe(201);
    expect(made.json.key).not.toBe(old.key);
    expect(await keysOf('rotated')).toMatchObject([
      { id: old.id, name: 'laptop', expires: ends },
      { id: made.json.id, name: 'laptop', expires: null },
    ]);
  });

  test('shows when it was last used', async () => {
    await makeConsumer('used');
    const { id, last_used } = await makeKey('used');
    expect(last_used).toBeNull();
    const usage = await openBucket(admin.bus, { name: 'key-usage' });
    await usage.put(id, '1700000000000');
    expect((await keysOf('used'))[0]).toMatchObject({ id, last_used: 1_700_000_000_000 });
  });

  test('needs a consumer, and a time to come', async () => {
    const nobody = { consumer: 'nobody' };
    expect((await admin.ask('keys-create', { params: nobody, body: {} })).status).toBe(404);
    expect((await admin.ask('keys-list', { params: nobody })).status).toBe(404);
    await makeConsumer('late');
    const params = { consumer: 'late' };
    for (const expires of [1_000, '2020-01-01T00:00:00Z', '2127-02-31T00:00:00Z', 'tomorrow', -1])
      expect((await admin.ask('keys-create', { params, body: { expires } })).status).toBe(400);
    expect(await keysOf('late')).toEqual([]);
  });

  test('is not there for a consumer that goes just before it is written, or just after', async () => {
    const { keys, consumers } = admin.stores;
    const params = { consumer: 'fleeting' };
    const nothingLeft = async (): Promise<void> => {
      const entries = await (await openBucket(admin.bus, { name: 'consumers' })).entries();
      expect(entries.filter(({ key }) => key.includes(params.consumer))).toEqual([]);
      expect(entries.filter(({ value }) => Buffer.from(value).includes(params.consumer))).toEqual([]);
    };
    let headers = ['if-match', await makeConsumer(params.consumer)];
    const create = keys.create.bind(keys);
    vi.spyOn(keys, 'create').mockImplementationOnce(async (key) => {
      expect((await admin.ask('consumers-delete', { params, headers })).status).toBe(204);
      return create(key);
    });
    expect((await admin.ask('keys-create', { params, body: {} })).status).toBe(404);
    await nothingLeft();

    headers = ['if-match', await makeConsumer(params.consumer)];
    const remove = consumers.remove.bind(consumers);
    vi.spyOn(consumers, 'remove').mockImplementationOnce(async (...consumer) => {
      await makeKey(params.consumer);
      return remove(...consumer);
    });
    expect((await admin.ask('consumers-delete', { params, headers })).status).toBe(204);
    await nothingLeft();
  });

  test('is gone where its consumer was changed while it was deleted, and the audit does not say that nothing was', async () => {
    const { consumers } = admin.stores;
    const params = { consumer: 'contested' };
    const headers = ['if-match', await makeConsumer(params.consumer)];
    const { id } = await makeKey(params.consumer);
    const remove = consumers.remove.bind(consumers);
    vi.spyOn(consumers, 'remove').mockImplementationOnce(async (...consumer) => {
      const put = { params, headers: ['if-match', '*'], body: { description: 'of somebody else' } };
      expect((await admin.ask('consumers-put', put)).status).toBe(200);
      return remove(...consumer);
    });
    expect((await admin.ask('consumers-delete', { params, headers })).status).toBe(412);
    expect((await admin.ask('keys-get', { params: { key: id } })).status).toBe(404);
    const audit = await admin.ask('audit-list', {
      query: 'action=consumer.delete&target=consumer/contested',
    });
    expect(audit.json.data).toMatchObject([{ action: 'consumer.delete', outcome: 'unknown' }]);
  });

  test('is one of a thousand at most', async () => {
    await makeConsumer('greedy');
    vi.spyOn(admin.stores.keys, 'count').mockResolvedValueOnce(1_000);
    expect((await admin.ask('keys-create', { params: { consumer: 'greedy' }, body: {} })).status).toBe(409);
    expect(await keysOf('greedy')).toEqual([]);
  });

  test('does not take the place of another with a time that has passed', async () => {
    await makeConsumer('turned');
    const { id } = await makeKey('turned');
    const asked = { params: { key: id }, headers: ['if-match', '*'], body: { expires: 1_000 } };
    expect((await admin.ask('keys-rotate', asked)).status).toBe(400);
    expect((await admin.ask('keys-rotate', { ...asked, body: { old_expires: 1_000 } })).status).toBe(400);
    expect(await keysOf('turned')).toMatchObject([{ id, expires: null }]);
  });

  test('goes with its consumer, even one that is made in the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const params = { consumer: `brief-${round}` };
      const tag = await makeConsumer(params.consumer);
      await makeKey(params.consumer);
      const [made, gone] = await Promise.all([
        admin.ask('keys-create', { params, body: {} }),
        admin.ask('consumers-delete', { params, headers: ['if-match', tag] }),
      ]);
      expect(gone.status).toBe(204);
      expect([201, 404]).toContain(made.status);
      expect((await admin.ask('keys-list', { params })).status).toBe(404);
      const bucket = await openBucket(admin.bus, { name: 'consumers' });
      const left = (await bucket.entries()).filter(({ key }) => key.includes(params.consumer));
      expect(left).toEqual([]);
      if (made.status === 201) expect(await bucket.get(`key.${made.json.id}`)).toBeNull();
    }
  });
});
