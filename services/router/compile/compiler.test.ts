import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectBus, openBucket, type Bucket, type Bus } from '@sluice/nats';
import { applyDocument, followDocument, type DocumentFollower } from '@sluice/policy';
import { routeKey } from '@sluice/routes';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { Compiler, type CompilerEvent } from './compiler.ts';
import type { TableWrite } from './diff.ts';

let nats: TestNats;
let bus: Bus;
let document: DocumentFollower;
let routes: Bucket;

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
  document = await followDocument(bus, { replicas: 1 });
  routes = await openBucket(bus, { name: 'routes' });
});
afterAll(async () => {
  document.stop();
  await bus.close();
  await nats.stop();
});

function compiler(bucket: Bucket) {
  const events: CompilerEvent[] = [];
  const state = { stale: 0 };
  const made = new Compiler({
    bus,
    routes: bucket,
    document,
    pollMs: 100,
    defaultTimeoutMs: 1_000,
    onEvent: (event) => events.push(event),
    onStale: () => state.stale++,
  });
  const writes = (): TableWrite[] =>
    events.flatMap((event) => (event.kind === 'written' ? event.writes : []));
  return { made, events, state, writes };
}

/** A bucket with some of its operations done differently. */
function instead(bucket: Bucket, operations: Partial<Bucket>): Bucket {
  return new Proxy(bucket, {
    get: (target, name: keyof Bucket) => operations[name] ?? target[name].bind(target),
  });
}

async function declare(...ids: string[]): Promise<void> {
  const routes = ids.map((id) => ({ id, path: `/${id}`, subject: `test.${id}` }));
  const { revision } = await applyDocument(bus, { routes }, { expectedRevision: null, author: 'test' });
  await until(() => document.revision === revision);
}

test('writes only what changed', async () => {
  await declare('a', 'b');
  const { made, writes } = compiler(routes);
  await made.start();
  await until(async () => (await routes.get(routeKey('b'))) !== null);
  await declare('a', 'c');
  await until(
    async () => (await routes.get(routeKey('b'))) === null && (await routes.get(routeKey('c'))) !== null,
  );
  await until(() => writes().length >= 5);
  expect(writes().map(({ kind, key }) => `${kind} ${key}`)).toEqual([
    'create route.a',
    'create route.b',
    'create route.openapi',
    'delete route.b',
    'create route.c',
  ]);
  await made.stop();
});

test('stops and says so when somebody else has written what it was about to write', async () => {
  await declare('a', 'c');
  const { made, state, writes } = compiler(
    instead(routes, {
      // The other compiler is a moment faster; the watch has not told of it yet.
      create: async (key, value) => {
        await routes.put(key, '{"by": "the other"}');
        return routes.create(key, value);
      },
    }),
  );
  await made.start();
  await until(async () => (await routes.get(routeKey('a'))) !== null);
  await declare('a', 'c', 'd');
  await until(() => state.stale === 1);
  expect(Buffer.from((await routes.get(routeKey('d')))!.value).toString()).toBe('{"by": "the other"}');
  // It does not try again: what is declared later is the other's to write.
  await declare('a', 'c', 'd', 'e');
  await made.stop();
  expect(await routes.get(routeKey('e'))).toBeNull();
  expect(writes().map(({ key }) => key)).not.toContain('route.d');
  expect(state.stale).toBe(1);
});

test('tries again when the table could not be written', async () => {
  await declare('a', 'c', 'f');
  let failures = 0;
  const { made, events } = compiler(
    instead(routes, {
      create: (key, value) =>
        failures++ === 0 ? Promise.reject(new Error('out of reach')) : routes.create(key, value),
    }),
  );
  await made.start();
  await until(async () => (await routes.get(routeKey('f'))) !== null);
  expect(events.some((event) => event.kind === 'trouble')).toBe(true);
  await made.stop();
});
