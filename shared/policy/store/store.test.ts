import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectBus, type Bucket, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import {
  applyDocument,
  DocumentError,
  followDocument,
  listRevisions,
  openConfigBucket,
  readCurrent,
  readRevision,
  RevisionConflictError,
  type DocumentFollower,
  type GatewayInput,
} from '../mod.ts';
import { removeUnusedParts } from './unused-parts.ts';

let server: TestNats;
let bus: Bus;
let bucket: Bucket;
const followers: DocumentFollower[] = [];
const reports: string[] = [];

beforeAll(async () => {
  server = await startNatsServer();
  bus = await connectBus({ servers: [server.url], name: 'test' });
});
afterEach(async () => {
  for (const follower of followers.splice(0)) follower.stop();
  reports.length = 0;
  await (await openConfigBucket(bus)).delete('gateway');
});
afterAll(async () => {
  await bus.close();
  await server.stop();
});

async function follow(): Promise<DocumentFollower> {
  const follower = await followDocument(bus, { replicas: 1, report: (detail) => reports.push(detail) });
  followers.push(follower);
  return follower;
}

const apply = (input: unknown, expectedRevision: number | null = null, author = 'test') =>
  applyDocument(bus, input, { expectedRevision, author });

/** About `bytes` of addresses, different every time. */
function largeDocument(bytes: number): GatewayInput {
  const random = randomBytes((bytes / 20) * 4);
  const list = Array.from({ length: random.length / 4 }, (_, n) =>
    [0, 1, 2, 3].map((at) => random[n * 4 + at]).join('.'),
  );
  return { addresses: { lists: { known: list } } };
}

describe('applying', () => {
  test('stores what people wrote, and tells who applied it', async () => {
    const first = await applyDocument(
      bus,
      { defaults: { auth: 'public' } },
      { expectedRevision: 0, author: 'ann', comment: 'the first' },
    );
    expect(first).toMatchObject({ changed: true, document: { version: 1 } });
    expect(await readCurrent(bus)).toEqual({
      revision: first.revision,
      author: 'ann',
      at: expect.any(Number),
      comment: 'the first',
      file: null,
      document: { defaults: { auth: 'public' } },
    });
  });

  test('the same again writes nothing', async () => {
    const first = await apply({ defaults: { auth: 'public' } });
    expect(await apply({ defaults: { auth: 'public' } })).toMatchObject({
      revision: first.revision,
      changed: false,
    });
  });

  test('against another revision than the present one is refused', async () => {
    const first = await apply({ defaults: { auth: 'public' } });
    const second = await apply({}, first.revision);
    const late = apply({ defaults: { auth: ['key'] } }, first.revision);
    await expect(late).rejects.toThrow(RevisionConflictError);
    await expect(late).rejects.toMatchObject({ revision: second.revision });
    await expect(apply({ version: 1 }, 0)).rejects.toThrow(RevisionConflictError);
    expect((await readCurrent(bus))?.revision).toBe(second.revision);
  });

  test('by many at once against one revision, one wins', async () => {
    const { revision } = await apply({});
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => apply({ live: { channels: n + 1 } }, revision)),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of tries)
      if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(RevisionConflictError);
  });

  test('an invalid one changes nothing', async () => {
    const { revision } = await apply({});
    const bad = apply({ routes: [{ id: 'a', path: '/a', subject: 'a', limits: ['none'] }] });
    await expect(bad).rejects.toThrow(DocumentError);
    const schema = { body: { properties: { 'a/b': { type: 'banana' } } } };
    await expect(apply({ routes: [{ id: 'a', path: '/a', subject: 'a', schema }] })).rejects.toThrow(
      'routes[0].schema.body.properties["a/b"].type: is no JSON Schema (draft 2020-12): ',
    );
    await expect(apply({ addresses: { lists: { l: { file: 'l.txt' } } } })).rejects.toThrow(
      'addresses.lists.l: is a file that has not been read',
    );
    expect((await readCurrent(bus))?.revision).toBe(revision);
  });
});

describe('a document that does not fit a message', () => {
  test('is stored in parts, whole, and shares them with its neighbours', async () => {
    const large = largeDocument(1_400_000);
    const first = await apply(large);
    const second = await apply({ ...large, version: 1 }, first.revision);
    expect((await readRevision(bus, first.revision))?.document).toEqual(large);
    expect((await readRevision(bus, second.revision))?.document).toEqual({ ...large, version: 1 });
    expect((await bucketParts()).length).toBeLessThan(6);
  });

  test('is followed like any other', async () => {
    const follower = await follow();
    const large = largeDocument(700_000);
    const { revision } = await apply(large);
    await until(() => follower.revision === revision);
    expect(follower.current.addresses.lists['known']).toEqual(large.addresses?.lists?.['known']);
  });

  test('leaves nothing behind when no kept revision needs it', async () => {
    const large = largeDocument(700_000);
    await apply(large);
    for (let n = 1; n <= 64; n++) await apply({ live: { channels: n } });
    const parts = await bucketParts();
    expect(parts.length).toBeGreaterThan(0);
    // Young parts may belong to a document that somebody is just about to store.
    await removeUnusedParts(bus, bucket, Date.now() + 5 * 60_000);
    expect(await bucketParts()).toEqual(parts);
    await removeUnusedParts(bus, bucket, Date.now() + 20 * 60_000);
    expect(await bucketParts()).toEqual([]);
  });

  async function bucketParts(): Promise<string[]> {
    bucket = await openConfigBucket(bus);
    return (await bucket.entries()).map(({ key }) => key).filter((key) => key.startsWith('part.'));
  }
});

describe('revisions', () => {
  test('are listed newest first, each with its document, at most 64', async () => {
    const applied: number[] = [];
    for (let n = 1; n <= 70; n++)
      applied.push((await apply({ live: { channels: n } }, null, `user ${n}`)).revision);
    const revisions = await listRevisions(bus);
    expect(revisions.length).toBeLessThanOrEqual(64);
    expect(revisions[0]).toMatchObject({ revision: applied[69], author: 'user 70' });
    expect(revisions.map(({ revision }) => revision)).toEqual(
      applied.toReversed().slice(0, revisions.length),
    );
    const { revision } = revisions[10]!;
    expect(await readRevision(bus, revision)).toMatchObject({ document: { live: { channels: 60 } } });
    expect(await readRevision(bus, applied[0]!)).toBeNull();
    expect(await readRevision(bus, revisions[0]!.revision + 1_000)).toBeNull();
  });

  test('survive another process that opens the bucket in its own way', async () => {
    for (let n = 1; n <= 3; n++) await apply({ live: { channels: n } });
    const follower = await follow();
    await follower.loaded;
    expect((await listRevisions(bus)).length).toBeGreaterThanOrEqual(3);
  });
});

describe('a follower', () => {
  test('has the defaults while nothing is stored, and is ready', async () => {
    const follower = await follow();
    await follower.loaded;
    expect(follower).toMatchObject({ ready: true, revision: 0 });
    expect(follower.current.routes).toEqual([]);
    expect(follower.current.defaults.auth).toBeUndefined();
  });

  test('tells every listener of every change at once, also after one that throws', async () => {
    const follower = await follow();
    await follower.loaded;
    const told: [number, unknown][] = [];
    follower.onChange(() => {
      throw new Error('on purpose');
    });
    const stop = follower.onChange((document, revision) => {
      expect(follower.current).toBe(document);
      told.push([revision, document.live.channels]);
    });
    const one = await apply({ live: { channels: 1 } });
    const two = await apply({ live: { channels: 2 } });
    await until(() => follower.revision === two.revision);
    expect(told.at(-1)).toEqual([two.revision, 2]);
    expect(told.every(([revision]) => revision === one.revision || revision === two.revision)).toBe(true);
    expect(reports).toContain('a listener of the document threw');
    stop();
    const three = await apply({ live: { channels: 3 } });
    await until(() => follower.revision === three.revision);
    expect(told.some(([revision]) => revision === three.revision)).toBe(false);
  });

  test('keeps what it has when something invalid is stored, and says why', async () => {
    const follower = await follow();
    const { revision } = await apply({ live: { channels: 7 } });
    await until(() => follower.revision === revision);
    bucket = await openConfigBucket(bus);
    for (const value of ['not JSON', '{"document": {"routs": []}}', '{"parts": ["x"]}', '{}']) {
      const before = reports.length;
      await bucket.put('gateway', value);
      await until(() => reports.length > before);
    }
    expect(follower).toMatchObject({ revision, ready: true });
    expect(follower.current.live.channels).toBe(7);
    expect(reports.join('\n')).toContain('routs: "routs" is not known here (did you mean "routes"?)');
    const next = await apply({ live: { channels: 8 } });
    await until(() => follower.revision === next.revision);
  });

  test('that starts beside something invalid takes the newest revision that is valid', async () => {
    const { revision } = await apply({ live: { channels: 7 } });
    bucket = await openConfigBucket(bus);
    await bucket.put('gateway', 'not JSON');
    await bucket.put('gateway', '{"document": []}');
    const follower = await follow();
    await follower.loaded;
    expect(follower.revision).toBe(revision);
    expect(follower.current.live.channels).toBe(7);
  });

  test('goes back to the defaults when the document is deleted', async () => {
    const follower = await follow();
    const { revision } = await apply({ defaults: { auth: 'public' } });
    await until(() => follower.revision === revision);
    await (await openConfigBucket(bus)).delete('gateway');
    await until(() => follower.revision === 0);
    expect(follower.current.defaults.auth).toBeUndefined();
    expect(await readCurrent(bus)).toBeNull();
    expect(await apply({}, 0)).toMatchObject({ changed: true });
  });
});

test('a follower takes the document of a bucket that was lost and made anew, though its revision is the same', async () => {
  await using other = await startNatsServer();
  const fresh = await connectBus({ servers: [other.url], name: 'test' });
  const lose = () => fresh.request('$JS.API.STREAM.DELETE.KV_config', '', { deadline: Date.now() + 5_000 });
  const applyAuth = (auth: 'public' | ['key' | 'jwt']) =>
    applyDocument(fresh, { defaults: { auth } }, { expectedRevision: null, author: 'test' });
  await applyAuth('public');
  const follower = await followDocument(fresh, { replicas: 1 });
  await follower.loaded;
  expect(follower).toMatchObject({ revision: 1, current: { defaults: { auth: 'public' } } });
  await lose();
  await applyAuth(['key']);
  await until(() => follower.current.defaults.auth?.[0] === 'key', { timeoutMs: 20_000 });
  expect(follower.revision).toBe(1);
  // The same where it has seen the bucket while that was empty.
  await lose();
  await openConfigBucket(fresh, 1);
  await until(() => follower.revision === 0, { timeoutMs: 20_000 });
  await applyAuth(['jwt']);
  await until(() => follower.current.defaults.auth?.[0] === 'jwt', { timeoutMs: 20_000 });
  expect(follower.revision).toBe(1);
  follower.stop();
  await fresh.close();
});

test('a follower that knows nothing valid is not ready until something is applied', async () => {
  await using other = await startNatsServer();
  const fresh = await connectBus({ servers: [other.url], name: 'test' });
  const config = await openConfigBucket(fresh, 1);
  await config.put('gateway', 'not JSON');
  const told: string[] = [];
  const follower = await followDocument(fresh, { replicas: 1, report: (detail) => told.push(detail) });
  await until(() => told.length > 0);
  expect(follower.ready).toBe(false);
  const { revision } = await applyDocument(fresh, {}, { expectedRevision: null, author: 'test' });
  await follower.loaded;
  expect(follower.revision).toBe(revision);
  // A server that crashes and comes back is caught up with, and nothing is lost meanwhile.
  await other.kill();
  await until(() => !fresh.connected);
  expect(follower.current.version).toBe(1);
  await other.restart();
  await until(() => fresh.connected, { timeoutMs: 30_000 });
  const next = await until(
    () =>
      applyDocument(
        fresh,
        { defaults: { auth: 'public' } },
        { expectedRevision: null, author: 'test' },
      ).catch(() => null),
    { timeoutMs: 30_000 },
  );
  await until(() => follower.revision === next.revision, { timeoutMs: 30_000 });
  follower.stop();
  await fresh.close();
});
