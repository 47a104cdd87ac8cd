import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNatsServer, startProxy, until, type TestNats } from '@sluice/testing';
import {
  connectBus,
  openBucket,
  type Bucket,
  type BucketChange,
  type BucketPage,
  type Bus,
  type BusEvent,
} from './mod.ts';

describe('a bucket', () => {
  let server: TestNats;
  let bus: Bus;
  let bucket: Bucket;
  let count = 0;
  const events: BusEvent[] = [];

  beforeAll(async () => {
    server = await startNatsServer();
    bus = await connectBus({ servers: [server.url], name: 'test', report: (event) => events.push(event) });
    bucket = await fresh();
  });
  afterAll(async () => {
    await bus.close();
    await server.stop();
  });

  const fresh = (): Promise<Bucket> =>
    openBucket(bus, { name: `b${(count += 1)}`, replicas: 1, perKeyTtl: true });
  const text = (value: Uint8Array | null | undefined): string | null =>
    value === null || value === undefined ? null : Buffer.from(value).toString();
  const get = async (key: string): Promise<string | null> => text((await bucket.get(key))?.value);

  interface Watched {
    readonly changes: [string, string | null][];
    ready: number;
    stop: () => void;
  }

  async function watch(from: Bucket, keys?: string): Promise<Watched> {
    const watched: Watched = { changes: [], ready: -1, stop: () => {} };
    watched.stop = await from.watch({
      onChange: ({ key, value }: BucketChange) => watched.changes.push([key, text(value)]),
      onReady: () => {
        watched.ready = watched.changes.length;
      },
      ...(keys === undefined ? {} : { keys }),
    });
    return watched;
  }

  it('keeps values by key with a growing revision', async () => {
    const first = await bucket.put('a.b', 'one');
    const second = await bucket.put('a.b', Buffer.from([0, 255]));
    expect(second).toBeGreaterThan(first);
    expect(await bucket.get('a.b')).toMatchObject({ key: 'a.b', revision: second });
    expect([...((await bucket.get('a.b'))?.value ?? [])]).toEqual([0, 255]);
    expect(await bucket.get('nothing')).toBeNull();
  });

  it('makes a key once, also after it was deleted', async () => {
    await bucket.create('made', '1');
    await expect(bucket.create('made', '2')).rejects.toMatchObject({ kind: 'rejected' });
    expect(await get('made')).toBe('1');
    await bucket.delete('made');
    expect(await get('made')).toBeNull();
    await bucket.create('made', '3');
    expect(await get('made')).toBe('3');
  });

  it('lets one of many creators win', async () => {
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => bucket.create('won', String(i))),
    );
    expect(tries.filter((each) => each.status === 'fulfilled')).toHaveLength(1);
    await bucket.delete('won');
    const again = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => bucket.create('won', String(i))),
    );
    expect(again.filter((each) => each.status === 'fulfilled')).toHaveLength(1);
  });

  it('gives long lists in pages, each present key once and no deleted one', async () => {
    const listed = await fresh();
    for (let i = 0; i < 12; i += 1) await listed.put(`a.${i}`, String(i));
    await listed.put('b.1', 'other');
    for (const gone of [0, 4, 5, 11]) await listed.delete(`a.${gone}`);
    await listed.put('a.1', 'again');
    const pages: string[][] = [];
    let after: number | null = 0;
    while (after !== null) {
      const page: BucketPage = await listed.page({ keys: 'a.*', after, limit: 3 });
      pages.push(page.entries.map(({ key, value }) => `${key}=${text(value)}`));
      after = page.next;
    }
    expect(pages).toEqual([
      ['a.2=2', 'a.3=3', 'a.6=6'],
      ['a.7=7', 'a.8=8', 'a.9=9'],
      ['a.10=10', 'a.1=again'],
    ]);
    expect((await listed.page({ limit: 9 })).next).toBeNull();
    expect(await listed.page({ keys: 'c.>', limit: 5 })).toEqual({ entries: [], next: null });
  });

  it('updates and deletes only the revision that is meant', async () => {
    const first = await bucket.put('revised', '1');
    const second = await bucket.update('revised', '2', first);
    await expect(bucket.update('revised', '3', first)).rejects.toMatchObject({ kind: 'rejected' });
    await expect(bucket.delete('revised', first)).rejects.toMatchObject({ kind: 'rejected' });
    expect(await get('revised')).toBe('2');
    await bucket.delete('revised', second);
    expect(await get('revised')).toBeNull();
  });

  it('lists what is there, any number of it', async () => {
    const many = await fresh();
    expect(await many.entries()).toEqual([]);
    await Promise.all(Array.from({ length: 1_500 }, (_, i) => many.put(`key.${i}`, String(i))));
    await many.delete('key.7');
    const entries = await many.entries();
    expect(entries).toHaveLength(1_499);
    for (const entry of entries) expect(entry.key).toBe(`key.${text(entry.value)}`);
  });

  it('refuses names that are no key', async () => {
    for (const key of ['', '.', 'a..b', '.a', 'a.', 'a b', 'a*', '>', 'ä', 'a\n'])
      await expect(bucket.get(key)).rejects.toMatchObject({ kind: 'rejected' });
  });

  it('forgets a key when its time is over, for readers, watchers and creators', async () => {
    const watched = await watch(bucket, 'brief');
    const revision = await bucket.create('brief', '1', { ttlMs: 1_000 });
    await bucket.update('brief', '2', revision, { ttlMs: 1_000 });
    expect(await get('brief')).toBe('2');
    await until(() => watched.changes.at(-1)?.[1] === null);
    // The first value may have been overwritten before it was sent.
    expect(watched.changes.slice(-2)).toEqual([
      ['brief', '2'],
      ['brief', null],
    ]);
    expect(await get('brief')).toBeNull();
    await bucket.create('brief', '3');
    watched.stop();
  });

  it('tells a watcher the present values, then that it has them, then the changes in order', async () => {
    const own = await fresh();
    await own.put('a', '1');
    await own.put('b', '1');
    await own.put('gone', '1');
    await own.delete('gone');
    const watched = await watch(own);
    await until(() => watched.ready >= 0);
    expect(watched.changes).toEqual([
      ['a', '1'],
      ['b', '1'],
    ]);
    expect(watched.ready).toBe(2);
    for (let i = 2; i < 100; i += 1) await own.put('a', String(i));
    await own.delete('b');
    await until(() => watched.changes.at(-1)?.[0] === 'b');
    expect(watched.changes.at(-1)).toEqual(['b', null]);
    // What was overwritten before it was sent may be left out, but order and end are right.
    const values = watched.changes.slice(2, -1).map(([, value]) => Number(value));
    expect(values).toEqual([...values].sort((x, y) => x - y));
    expect(values.at(-1)).toBe(99);
    expect(new Set(values).size).toBe(values.length);
    const told = watched.changes.length;
    watched.stop();
    await own.put('a', 'unseen');
    await bus.flush();
    expect(watched.changes).toHaveLength(told);
  });

  it('tells a watcher of nothing that there is nothing', async () => {
    const watched = await watch(await fresh());
    await until(() => watched.ready === 0);
    watched.stop();
  });

  it('limits a watcher to the keys it asked for', async () => {
    const own = await fresh();
    const watched = await watch(own, 'route.*');
    await own.put('problem.x', '1');
    await own.put('route.x', '2');
    await until(() => watched.changes.length === 1);
    expect(watched.changes).toEqual([['route.x', '2']]);
    watched.stop();
  });

  it('is not disturbed by a watcher that throws', async () => {
    const own = await fresh();
    let seen = 0;
    const stop = await own.watch({
      onChange: () => {
        seen += 1;
        throw new Error('on purpose');
      },
    });
    await own.put('a', '1');
    await own.put('b', '1');
    await until(() => seen === 2);
    await until(() => events.filter((event) => event.kind === 'handler').length === 2);
    stop();
  });

  it('tells who follows it from now on what comes, and where something may have been missed', async () => {
    const own = await fresh();
    await own.put('old', '1');
    const seen: [string, string | null][] = [];
    let gaps = 0;
    const stop = await own.tail({
      onChange: ({ key, value }) => seen.push([key, text(value)]),
      onGap: () => (gaps += 1),
    });
    await own.put('new', '1');
    await own.delete('old');
    await until(() => seen.length === 2);
    expect(seen).toEqual([
      ['new', '1'],
      ['old', null],
    ]);
    expect(gaps).toBe(0);
    await server.kill();
    await until(() => !bus.connected);
    await server.restart();
    await until(() => gaps > 0, { timeoutMs: 20_000 });
    await until(() =>
      own.put('new', '2').then(
        () => true,
        () => false,
      ),
    );
    await until(() => seen.at(-1)?.[1] === '2', { timeoutMs: 20_000 });
    stop();
  });

  it('brings a watcher up to date after a crash, with what vanished meanwhile', async () => {
    const own = await fresh();
    for (const key of ['stays', 'changes', 'goes']) await own.put(key, '1');
    const watched = await watch(own);
    await until(() => watched.ready === 3);
    const other = await connectBus({ servers: [server.url], name: 'other' });
    await server.kill();
    await until(() => !bus.connected);
    // The other connection comes back first or second, but makes its changes before the watcher is told anything new.
    await server.restart();
    await until(() => other.connected && bus.connected);
    const same = await openBucket(other, { name: `b${count}` });
    await until(() =>
      same.put('changes', '2').then(
        () => true,
        () => false,
      ),
    );
    await same.delete('goes');
    await same.put('new', '1');
    const state = (): Map<string, string | null> => new Map(watched.changes);
    await until(
      () => state().get('changes') === '2' && state().get('goes') === null && state().get('new') === '1',
      { timeoutMs: 20_000 },
    );
    expect(state().get('stays')).toBe('1');
    expect(watched.ready).toBe(3);
    watched.stop();
    await other.close();
  });

  it('tells a watcher that was cut off what it has missed, and nothing else', async () => {
    const own = await fresh();
    await Promise.all(Array.from({ length: 500 }, (_, i) => own.put(`k${i}`, '1')));
    await using way = await startProxy(server.url);
    const far = await connectBus({ servers: [`nats://127.0.0.1:${way.port}`], name: 'far' });
    const watched = await watch(await openBucket(far, { name: `b${count}` }));
    await until(() => watched.ready === 500);
    for (const round of ['2', '3']) {
      way.break();
      await until(() => !far.connected);
      await own.put('k7', round);
      await own.delete(`k${round}`);
      watched.changes.length = 0;
      way.mend();
      await until(() => watched.changes.length >= 2, { timeoutMs: 20_000 });
      // Comes after everything that was there already.
      await own.put('last', round);
      await until(() => watched.changes.length >= 3, { timeoutMs: 20_000 });
      expect(watched.changes).toEqual([
        ['k7', round],
        [`k${round}`, null],
        ['last', round],
      ]);
    }
    watched.stop();
    await far.close();
  });

  it('tells a watcher of keys whose deletion left no trace', async () => {
    const own = await fresh();
    const stream = `KV_b${count}`;
    await own.put('a', '1');
    await own.put('b', '1');
    const watched = await watch(own);
    await until(() => watched.ready === 2);
    // A purge of the stream leaves no mark behind; the watcher sees it when it has to start anew.
    const ask = async (subject: string, body = ''): Promise<unknown> =>
      (await bus.request(`$JS.API.${subject}`, body, { deadline: Date.now() + 5_000 })).json();
    await ask(`STREAM.PURGE.${stream}`, JSON.stringify({ filter: `$KV.b${count}.a` }));
    const { consumers } = (await ask(`CONSUMER.NAMES.${stream}`)) as { consumers: string[] };
    await ask(`CONSUMER.DELETE.${stream}.${consumers[0]}`);
    await until(() => watched.changes.some(([key, value]) => key === 'a' && value === null), {
      timeoutMs: 20_000,
    });
    watched.stop();
  });

  it('is the same bucket for everybody who opens it', async () => {
    const name = `b${(count += 1)}`;
    const all = await Promise.all(
      Array.from({ length: 4 }, () => openBucket(bus, { name, perKeyTtl: true })),
    );
    await all[0]?.put('k', 'v');
    for (const each of all) expect(text((await each.get('k'))?.value)).toBe('v');
  });
});
