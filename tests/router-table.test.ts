import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openBucket, type Bucket } from '@sluice/nats';
import { openConfigBucket } from '@sluice/policy';
import { followRoutes, type RouteProblem, type RouteTable } from '@sluice/routes';
import { until } from '@sluice/testing';
import { ask, metric, startPlainService, startRouters, type RouterStack } from './router-kit.ts';

const declared = `routes:
  - id: hello
    path: /hello/{name}
    subject: test.hello
`;

let router: RouterStack;
let table: RouteTable;
let bucket: Bucket;

beforeAll(async () => {
  router = await startRouters();
  table = await followRoutes(router.bus, { replicas: 1, settleMs: 0 });
  bucket = await openBucket(router.bus, { name: 'routes' });
});
afterAll(async () => {
  table.stop();
  await router[Symbol.asyncDispose]();
});
let round = 0;
beforeEach(async () => {
  // The load itself is awaited too: it could otherwise undo what a test writes into KV first. And the file is another one
  // every time: one that has not changed would not take the place of what a test has written.
  const loads = logged('gateway file loaded');
  await router.writeDocument(`${declared}live: {channels: ${++round}}\n`);
  await until(() => logged('gateway file loaded') > loads && table.get('hello')?.path === '/hello/{name}');
});

const process = () => router.stack.service('router').process;
const logged = (message: string | RegExp): number =>
  process().logs.filter(({ msg }) =>
    typeof message === 'string' ? msg === message : message.test(msg ?? ''),
  ).length;

async function problem(id: string): Promise<RouteProblem | null> {
  const entry = await bucket.get(`problem.${id}`);
  return entry && (JSON.parse(Buffer.from(entry.value).toString()) as RouteProblem);
}

describe('declared routes', () => {
  test('follow the file when it changes', async () => {
    await router.writeDocument(declared.replace('/hello/{name}', '/hi/{name}'));
    await until(() => table.get('hello')?.path === '/hi/{name}');
    await router.writeDocument('routes: []\n');
    await until(() => table.get('hello') === undefined);
  });

  test('stay as they are when the file has a fault, and the log says where', async () => {
    const before = logged(/^gateway file refused/);
    await router.writeDocument(`${declared}  - {id: b, path: /b, subject: 'b.*'}\n`);
    await until(() => logged(/^gateway file refused/) > before);
    const line = process().logs.findLast(({ msg }) => msg?.startsWith('gateway file refused'));
    expect(line).toMatchObject({ level: 'error' });
    expect(String(line?.msg)).toMatch(
      /gateway\.yaml:5: routes\[1\]\.subject: subject "b\.\*" has a wildcard$/,
    );
    expect(await metric(router.stack.service('router').ops, 'sluice_router_gateway_file_valid')).toBe(0);
    expect(table.get('hello')?.path).toBe('/hello/{name}');
    expect(table.get('b')).toBeUndefined();
  });

  test('are read again on SIGHUP', async () => {
    const before = logged('gateway file loaded');
    process().signal('SIGHUP');
    await until(() => logged('gateway file loaded') > before);
    expect(process().running).toBe(true);
  });

  test('written into KV by hand are taken when they are valid and refused when not', async () => {
    const config = await openConfigBucket(router.bus);
    const document = { routes: [{ id: 'hand', path: '/hand', subject: 'by.hand' }] };
    await config.put('gateway', JSON.stringify({ document }));
    await until(() => table.get('hand') !== undefined && table.get('hello') === undefined);
    const before = logged(/of the document is not valid/);
    await config.put('gateway', '{"document": {"routes": [{"id": "hand"}]}}');
    await until(() => logged(/of the document is not valid/) > before);
    expect(table.get('hand')?.path).toBe('/hand');
  });
});

describe('a service', () => {
  test('is in the table soon after its start, answers, and is gone after its stop', async () => {
    const service = await startPlainService(router.bus, 'orders', {
      get: { 'sluice.route': 'GET /v1/orders/{id}', 'sluice.summary': 'One order' },
      internal: {},
    });
    await until(() => table.get('orders.get') !== undefined);
    expect(table.get('orders.get')).toMatchObject({
      origin: 'discovered',
      service: { name: 'orders', version: '1.0.0' },
      subject: 'orders.get',
      summary: 'One order',
    });
    expect(table.get('orders.internal')).toBeUndefined();
    expect((await ask(router.bus, 'orders.get')).text).toBe('get');
    await service.stop();
    await until(() => table.get('orders.get') === undefined);
  });

  test('of a higher version decides for all, and the lower one has it back when that goes', async () => {
    const one = await startPlainService(router.bus, 'shop', { get: { 'sluice.route': '/shop/1' } });
    await until(() => table.get('shop.get')?.path === '/shop/1');
    const two = await startPlainService(
      router.bus,
      'shop',
      { get: { 'sluice.route': '/shop/2' } },
      { version: '1.1.0' },
    );
    await until(() => table.get('shop.get')?.path === '/shop/2');
    await two.stop();
    await until(() => table.get('shop.get')?.path === '/shop/1');
    await one.stop();
  });

  test('that claims a live route is a problem, told once, and gets it when its holder goes', async () => {
    const holder = await startPlainService(router.bus, 'zoo', { get: { 'sluice.route': '/animals/{id}' } });
    await until(() => table.get('zoo.get') !== undefined);
    const rival = await startPlainService(router.bus, 'ark', {
      get: { 'sluice.route': '/animals/{name}' },
      hi: { 'sluice.route': '/hello/{x}' },
      fine: { 'sluice.route': '/ark' },
    });
    await until(() => table.get('ark.fine') !== undefined);
    expect(table.get('ark.get')).toBeUndefined();
    expect(await problem('ark.get')).toEqual({
      id: 'ark.get',
      origin: 'discovered',
      source: 'service ark 1.0.0, endpoint get',
      detail: 'GET /animals/{name} is answered by discovered route zoo.get',
    });
    expect((await problem('ark.hi'))?.detail).toBe('GET /hello/{x} is answered by declared route hello');
    await holder.stop();
    await until(() => table.get('ark.get') !== undefined);
    expect(await problem('ark.get')).toBeNull();
    const told = process().logs.filter(
      ({ msg, route }) => msg === 'route left out of the table' && route === 'ark.get',
    );
    expect(told).toHaveLength(1);
    await rival.stop();
  });

  test('with a broken endpoint has its others', async () => {
    const service = await startPlainService(router.bus, 'half', {
      bad: { 'sluice.route': 'GET /half/{', 'sluice.timeout': 'x' },
      good: { 'sluice.route': 'GET /half' },
    });
    await until(() => table.get('half.good') !== undefined);
    expect((await problem('half.bad'))?.detail).toMatch(/^sluice\.route: /);
    // Services of earlier tests may still be on their way out.
    await until(
      async () => (await metric(router.stack.service('router').ops, 'sluice_router_problems')) === 1,
    );
    await service.stop();
    await until(async () => (await problem('half.bad')) === null);
  });

  test('that answers INFO with nonsense, or never, holds up nobody', async () => {
    const id = 'hangs1';
    const subscriptions = [
      router.bus.subscribe('$SRV.PING', (message) =>
        message.respond(JSON.stringify({ name: 'hangs', id, version: '1.0.0' })),
      ),
      router.bus.subscribe('$SRV.PING', (message) =>
        message.respond(JSON.stringify({ name: 'lies', id: 'lies1', version: '1.0.0' })),
      ),
      router.bus.subscribe('$SRV.PING', (message) => message.respond('\u0000')),
      router.bus.subscribe(`$SRV.INFO.hangs.${id}`, () => {}),
      router.bus.subscribe('$SRV.INFO.lies.lies1', (message) => message.respond('[]')),
    ];
    const service = await startPlainService(router.bus, 'prompt', { get: { 'sluice.route': '/prompt' } });
    await until(() => table.get('prompt.get') !== undefined);
    await until(() => logged('service instance lies.lies1 gave no INFO') > 0);
    await service.stop();
    await until(() => table.get('prompt.get') === undefined);
    expect(logged('service instance lies.lies1 gave no INFO')).toBe(1);
    for (const subscription of subscriptions) subscription.unsubscribe();
  });
});

test('the table heals from what somebody else did to it', async () => {
  const before = table.get('hello');
  await bucket.delete('route.hello');
  // Seen in KV: a replica may take what was done and what healed it in one step.
  await until(async () => (await bucket.get('route.hello')) !== null);
  await until(() => table.get('hello') !== undefined);
  expect(table.get('hello')).toEqual(before);
  await bucket.put('route.forged', JSON.stringify({ ...before, id: 'forged', path: '/forged' }));
  await until(async () => (await bucket.get('route.forged')) === null);
  await until(() => table.get('forged') === undefined);
});

test('the router is an ADR-32 service with statistics of its endpoints', async () => {
  await ask(router.bus, 'nothing');
  const deadline = Date.now() + 2_000;
  const stats = (await router.bus.request('$SRV.STATS.router', '', { deadline })).json() as {
    endpoints: { name: string; subject: string; num_requests: number; queue_group: string }[];
  };
  expect(stats.endpoints.map(({ name }) => name)).toEqual(['route', 'openapi']);
  expect(stats.endpoints[0]).toMatchObject({ subject: 'sluice.route', queue_group: 'router' });
  expect(stats.endpoints[0]?.num_requests).toBeGreaterThan(0);
});
