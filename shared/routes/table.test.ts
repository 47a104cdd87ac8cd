import { connectBus, openBucket, type Bucket, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routeKey, routesBucket } from './keys.ts';
import { plainRoute, type CompiledRoute } from './route.ts';
import { followRoutes, type RouteChanges, type RouteTable } from './table.ts';

let nats: TestNats;
let bus: Bus;
let bucket: Bucket;
let table: RouteTable;
const reports: string[] = [];

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
  bucket = await openBucket(bus, { name: routesBucket, replicas: 1 });
});
afterAll(async () => {
  await bus.close(1_000);
  await nats.stop();
});
beforeEach(async () => {
  for (const { key } of await bucket.entries()) await bucket.delete(key);
  reports.length = 0;
  table = await followRoutes(bus, { replicas: 1, report: (detail) => reports.push(detail) });
  await table.loaded;
});
afterEach(() => table.stop());

const route = (id: string, path: string): CompiledRoute => ({
  ...plainRoute,
  id,
  method: 'GET',
  path,
  origin: 'declared',
  service: null,
  subject: 's',
  encoding: 'raw',
  auth: 'public',
  timeoutMs: 1_000,
});
const put = (entry: CompiledRoute) => bucket.put(routeKey(entry.id), JSON.stringify(entry));
const idAt = (path: string): string | null => {
  const match = table.match('GET', path.slice(1).split('/'));
  return match.kind === 'route' ? match.route.id : null;
};

describe('the replica', () => {
  it('holds what was there, and follows what comes, changes and goes', async () => {
    await put(route('old', '/old'));
    const late = await followRoutes(bus, { replicas: 1 });
    await late.loaded;
    expect(late.get('old')).toEqual(route('old', '/old'));
    late.stop();

    await until(() => idAt('/old') === 'old');
    await put(route('old', '/moved'));
    await until(() => idAt('/moved') === 'old');
    expect(idAt('/old')).toBeNull();
    await bucket.delete(routeKey('old'));
    await until(() => idAt('/moved') === null);
    expect([table.size, [...table.routes()]]).toEqual([0, []]);
  });

  it('holds what is in force, and not what a service has announced', async () => {
    const { auth, roles, scopes, limits, cost, cors, contentTypes, timeoutMs, bodyLimit } = route('a', '/a');
    const announced = { auth, roles, scopes, limits, cost, cors, contentTypes, timeoutMs, bodyLimit };
    await put({ ...route('a', '/a'), announced });
    await until(() => idAt('/a') === 'a');
    expect(table.get('a')).toEqual(route('a', '/a'));
  });

  it('is not ready before the first reading is complete', async () => {
    for (let i = 0; i < 50; i++) await put(route(`r${i}`, `/r/${i}`));
    const other = await followRoutes(bus, { replicas: 1 });
    const sizes: [boolean, number][] = [[other.ready, other.size]];
    await other.loaded;
    sizes.push([other.ready, other.size]);
    for (const [ready, size] of sizes) expect(size).toBe(ready ? 50 : 0);
    expect(other.ready).toBe(true);
    other.stop();
  });

  it('never misses a path that moves from one id to another', async () => {
    await put(route('a', '/path'));
    await until(() => idAt('/path') === 'a');
    let missing = 0;
    let watching = true;
    const watch = (): void => {
      if (idAt('/path') === null) missing++;
      if (watching) setImmediate(watch);
    };
    watch();
    await Promise.all([bucket.delete(routeKey('a')), put(route('b', '/path'))]);
    await until(() => idAt('/path') === 'b');
    watching = false;
    expect(missing).toBe(0);
  });

  it('gives the paths of the admin API to the admin service only, whatever another template would take', async () => {
    await put(route('all', '/{path...}'));
    await until(() => idAt('/x') === 'all');
    expect([idAt('/admin/v1/keys'), idAt('/v1/usage')]).toEqual([null, null]);
    await put({ ...route('admin.keys', '/admin/v1/keys'), subject: 'sluice.admin.keys' });
    await until(() => idAt('/admin/v1/keys') === 'admin.keys');
  });

  it('tells of many changes in few steps', async () => {
    const steps: RouteChanges[] = [];
    table.onChange((changes) => steps.push(changes));
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => put(route(`r${i}`, `/r/${i}`))));
    await until(() => table.size === 1_000);
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => bucket.delete(routeKey(`r${i}`))));
    await until(() => table.size === 0);
    expect(steps.flatMap(({ put: ids }) => ids).length).toBe(1_000);
    expect(steps.flatMap(({ removed }) => removed).length).toBe(1_000);
    expect(steps.length).toBeLessThan(500);
  });

  it.each([
    'no json',
    '{}',
    'null',
    JSON.stringify(route('another', '/x')),
    JSON.stringify(route('bad', '//')),
  ])('leaves out %j, reports it, and serves the rest', async (value) => {
    await put(route('good', '/good'));
    await bucket.put(routeKey('bad'), value);
    await until(() => reports.length === 1 && idAt('/good') === 'good');
    expect(reports[0]).toContain('route bad');
    expect(table.size).toBe(1);
  });

  it('takes the routes of a bucket that was lost and made anew, though their revisions are the same', async () => {
    const lose = () =>
      bus.request(`$JS.API.STREAM.DELETE.KV_${routesBucket}`, '', { deadline: Date.now() + 5_000 });
    const anew = async (entry: CompiledRoute): Promise<number> => {
      await lose();
      await openBucket(bus, { name: routesBucket, replicas: 1 });
      return put(entry);
    };
    expect(await anew(route('a', '/a'))).toBe(1);
    await until(() => idAt('/a') === 'a', { timeoutMs: 20_000 });
    expect(await anew({ ...route('a', '/a'), auth: ['key'] })).toBe(1);
    await until(() => table.get('a')?.auth !== 'public', { timeoutMs: 20_000 });
    expect(table.get('a')?.auth).toEqual(['key']);
  });

  it('keeps answering while NATS is away, and catches up afterwards', async () => {
    await put(route('a', '/a'));
    await put(route('b', '/b'));
    await until(() => table.size === 2);
    await nats.kill();
    await until(() => !bus.connected);
    expect(idAt('/a')).toBe('a');
    await nats.restart();
    await until(() => bus.connected);
    await until(async () => {
      await put(route('c', '/c'));
      return true;
    });
    await until(() => idAt('/c') === 'c');
    await bucket.delete(routeKey('b'));
    await until(() => idAt('/b') === null);
    expect(idAt('/a')).toBe('a');
  });
});
