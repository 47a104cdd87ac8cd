import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { connectBus, type Bus } from '@sluice/nats';
import { applyDocument, followDocument, listRevisions, openConfigBucket, readRevision } from '../mod.ts';

let server: TestNats;
let bus: Bus;
beforeAll(async () => {
  server = await startNatsServer();
  bus = await connectBus({ servers: [server.url], name: 'test' });
});
afterAll(async () => {
  await bus.close();
  await server.stop();
});
test('apply and follow', async () => {
  const follower = await followDocument(bus, { replicas: 1, report: (d) => console.log(d) });
  await follower.loaded;
  expect(follower.revision).toBe(0);
  const a = await applyDocument(bus, { defaults: { auth: 'public' } }, { expectedRevision: 0, author: 'me' });
  await until(() => follower.revision === a.revision);
  const big = {
    addresses: {
      lists: {
        x: Array.from({ length: 100_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`),
      },
    },
  };
  const b = await applyDocument(bus, big, { expectedRevision: a.revision, author: 'me', comment: 'big' });
  const t = performance.now();
  await until(() => follower.revision === b.revision);
  console.log(performance.now() - t);
  expect((follower.current.addresses.lists['x'] as string[]).length).toBe(100_000);
  console.log(await listRevisions(bus));
  expect((await readRevision(bus, a.revision))?.document).toEqual({ defaults: { auth: 'public' } });
  expect((await readRevision(bus, b.revision))?.document).toEqual(big);
  const bucket = await openConfigBucket(bus);
  await bucket.put('gateway', 'x');
  const later = await followDocument(bus, { replicas: 1, report: (d) => console.log(d) });
  await later.loaded;
  expect(later.revision).toBe(b.revision);
  follower.stop();
  later.stop();
});
