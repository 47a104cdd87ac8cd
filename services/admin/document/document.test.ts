import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '@sluice/testing';
import { person, startAdmin, type Answer, type AnswerRow, type TestAdmin } from '../testing/harness.ts';

let admin: TestAdmin;
let second: TestAdmin;
/** Tag of the present document. */
let tag: string;

beforeAll(async () => {
  admin = await startAdmin();
  // Another replica on the same server: endpoints of one queue group answer in turn.
  second = await startAdmin({ nats: admin.nats });
});
afterAll(async () => {
  await second[Symbol.asyncDispose]();
  await admin[Symbol.asyncDispose]();
});
beforeEach(async () => {
  tag = (await admin.ask('document-get')).etag;
});

const yaml = ['content-type', 'application/yaml'];
const json = ['content-type', 'application/json'];
const limits = (limit: number): string => `limits:\n  burst: {limit: ${limit}, window: 1m}\n`;

const put = (body: unknown, headers: string[], query = ''): Promise<Answer> =>
  admin.ask('document-put', { headers, body, query });
const audited = async (query: string): Promise<readonly AnswerRow[]> =>
  (await admin.ask('audit-list', { query })).json.data;

test('before anything is applied the document is empty, revision 0', async () => {
  const answer = await admin.ask('document-get');
  expect(answer.json).toEqual({});
  expect(answer.etag).toBe('"0"');
  expect((await admin.ask('revisions-list')).json).toEqual({ data: [], next: null });
});

test('a document is created once by If-None-Match: *, however many try', async () => {
  const tries = await Promise.all(
    [1, 2, 3, 4].map((limit) => put(limits(limit), [...yaml, 'if-none-match', '*'])),
  );
  expect(tries.map(({ status }) => String(status)).toSorted()).toEqual(['200', '412', '412', '412']);
  const made = tries.find(({ status }) => status === 200)!;
  expect(made.json).toMatchObject({ changed: true, dry_run: false, total: 1 });
  expect((await admin.ask('document-get')).etag).toBe(made.etag);
});

describe('applying', () => {
  test('takes YAML and JSON, gives both back, and every follower has it', async () => {
    const first = await put(limits(7), [...yaml, 'if-match', tag]);
    expect(first.status).toBe(200);
    expect(first.json['changes']).toEqual([
      expect.objectContaining({ op: 'change', path: 'limits.burst.limit', after: 7 }),
    ]);
    const document = { limits: { burst: { limit: 8, window: '1m' } } };
    const next = await put(document, [...json, 'if-match', first.etag]);
    expect((await admin.ask('document-get')).json).toEqual(document);

    const text = await admin.ask('document-get', {
      headers: ['accept', 'text/html, application/yaml;q=0.9'],
    });
    expect(text.header('content-type')).toBe('application/yaml');
    expect(text.text).toBe('limits:\n  burst:\n    limit: 8\n    window: 1m\n');
    expect(text.etag).not.toBe(next.etag);
    expect((await put(text.text, [...yaml, 'if-match', text.etag])).json['changed']).toBe(false);
    await until(() => second.document.current.limits['burst']?.limit === 8);
  });

  test('needs If-Match: 428 without, 412 with another revision, a weak tag or one that is none', async () => {
    const without = await put(limits(9), yaml);
    expect([without.status, without.json['code']]).toEqual([428, 'precondition_required']);
    for (const wrong of ['"1000"', `W/${tag}`, '"x"', `${tag.slice(0, -1)}.x.y"`]) {
      const answer = await put(limits(9), [...yaml, 'if-match', wrong]);
      expect([wrong, answer.status, answer.json['code']]).toEqual([wrong, 412, 'precondition_failed']);
    }
    expect((await put(limits(9), [...yaml, 'if-match', 'nonsense'])).status).toBe(400);
    expect((await put(limits(9), [...yaml, 'if-none-match', '*'])).status).toBe(412);
    expect((await admin.ask('document-get')).etag).toBe(tag);
    expect((await put(limits(9), [...yaml, 'if-match', `"1000" , ${tag}`])).status).toBe(200);
  });

  test('lets one of many changes against the same revision win', async () => {
    const tries = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        (i % 2 === 0 ? admin : second).ask('document-put', {
          headers: [...yaml, 'if-match', tag],
          body: limits(100 + i),
        }),
      ),
    );
    expect(tries.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(tries.filter(({ status }) => status === 412)).toHaveLength(5);
  });

  test('lists every fault with pointer, line and hint, and changes nothing', async () => {
    const body = 'limits:\n  burst: {limit: 1, window: 1m}\ndefaults:\n  limits: [bust]\n  auth: everybody\n';
    const answer = await put(body.replace('  auth: everybody\n', ''), [...yaml, 'if-match', tag]);
    expect(answer.status).toBe(400);
    expect(answer.json.errors).toEqual([
      expect.objectContaining({
        in: 'body',
        pointer: '/defaults/limits/0',
        line: 4,
        hint: expect.stringContaining('burst'),
      }),
    ]);
    const form = await put(body, [...yaml, 'if-match', tag]);
    expect(form.json.errors).toEqual([expect.objectContaining({ pointer: '/defaults/auth', line: 5 })]);
    const broken = await put('{"limits": ', [...json, 'if-match', tag]);
    expect(broken.json.errors[0]).toMatchObject({ pointer: '', detail: expect.stringContaining('JSON') });
    expect((await put('', [...yaml, 'if-match', tag])).status).toBe(400);
    expect((await put('a', ['content-type', 'text/html', 'if-match', tag])).status).toBe(415);
    const coded = ['content-encoding', 'gzip', 'if-match', tag];
    expect((await put('a', coded)).status).toBe(415);
    expect((await admin.ask('document-get')).etag).toBe(tag);
  });

  test('refuses a list file that nobody has read', async () => {
    const body = 'addresses:\n  lists:\n    bad: {file: bad.txt}\n';
    const answer = await put(body, [...yaml, 'if-match', tag], 'dry_run=true');
    expect(answer.status).toBe(400);
    expect(answer.json.errors[0]).toMatchObject({ pointer: '/addresses/lists/bad' });
  });

  test('as a dry run tells what would change, and whether it could be', async () => {
    const answer = await put(limits(4_711), [...yaml, 'if-match', tag], 'dry_run=true');
    expect(answer.json).toMatchObject({ changed: false, dry_run: true, total: 1 });
    expect(answer.etag).toBe(tag);
    expect((await put(limits(4_711), [...yaml, 'if-match', '"0"'], 'dry_run=true')).status).toBe(412);
    expect((await admin.ask('document-get')).etag).toBe(tag);
  });

  test('keeps who, what, before, after and why in the audit log, bounded', async () => {
    const list = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    const document = { limits: { burst: { limit: 55, window: '1m' } }, addresses: { lists: { bad: list } } };
    const made = await put(document, [...json, 'if-match', tag], 'comment=a%20flood');
    const [entry] = await audited('action=document.apply&limit=1');
    expect(entry).toMatchObject({
      who: { subject: 'ada', kind: 'jwt', client: '203.0.113.9' },
      action: 'document.apply',
      target: 'document',
      comment: 'a flood',
      outcome: 'made',
      revision: made.json['revision'],
      after: { values: { 'limits.burst.limit': 55 } },
    });
    expect(entry!['before']).toMatchObject({ revision: Number(tag.replaceAll('"', '')) });
    expect(JSON.stringify(entry).length).toBeLessThan(70_000);
    expect((await admin.ask('document-get')).json).toEqual(document);
  });
});

test('check lists faults and never fails; diff compares with the present document', async () => {
  const wrong = await admin.ask('document-check', { headers: yaml, body: 'roles: {a: {includes: [b]}}\n' });
  expect(wrong.status).toBe(200);
  expect(wrong.json).toMatchObject({ valid: false, errors: [{ pointer: '/roles/a/includes/0', line: 1 }] });
  const good = await admin.ask('document-check', { headers: json, body: {} });
  expect(good.json).toEqual({ valid: true, errors: [] });
  const diff = await admin.ask('document-diff', { headers: yaml, body: limits(1) });
  expect(diff.etag).toBe(tag);
  expect(diff.json['changes']).toContainEqual(expect.objectContaining({ op: 'remove', path: 'addresses' }));
});

test('an earlier revision can be read, and applied again as a new one', async () => {
  const first = await put(limits(31), [...yaml, 'if-match', tag]);
  const next = await put(limits(32), [...yaml, 'if-match', first.etag], 'comment=more');
  const list = await admin.ask('revisions-list', { identity: person('eve', 'viewer') });
  expect(list.json.data.slice(0, 2)).toMatchObject([
    { revision: next.json['revision'], author: 'ada', comment: 'more', current: true },
    { revision: first.json['revision'], current: false },
  ]);
  const params = { revision: String(first.json['revision']) };
  const earlier = await admin.ask('revisions-get', { params });
  expect(earlier.json).toEqual({ limits: { burst: { limit: 31, window: '1m' } } });
  expect(earlier.etag).toBe(first.etag);

  expect((await admin.ask('revisions-rollback', { params })).status).toBe(428);
  const stale = await admin.ask('revisions-rollback', { params, headers: ['if-match', first.etag] });
  expect(stale.status).toBe(412);
  const back = await admin.ask('revisions-rollback', { params, headers: ['if-match', next.etag] });
  expect(back.json).toMatchObject({ changed: true });
  expect((await admin.ask('document-get')).json).toEqual(earlier.json);
  expect((await audited('limit=1'))[0]).toMatchObject({
    action: 'document.rollback',
    comment: `rollback to revision ${params.revision}`,
  });
  expect((await admin.ask('revisions-get', { params: { revision: '999999' } })).status).toBe(404);
  expect((await admin.ask('revisions-get', { params: { revision: 'x' } })).status).toBe(400);
});

test('a reader that has the document already gets 304', async () => {
  const again = await admin.ask('document-get', { headers: ['if-none-match', `"999", ${tag}`] });
  expect([again.status, again.text, again.etag]).toEqual([304, '', tag]);
});
