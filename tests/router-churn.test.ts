import { afterAll, beforeAll, expect, test } from 'vitest';
import { followRoutes, type RouteTable } from '@sluice/routes';
import { until, type StackService } from '@sluice/testing';
import { inspected, liveBytes } from './router-heap.ts';
import { openDocument, startPlainService, startRouters, type RouterStack } from './router-kit.ts';

const routesPerRound = 1_000;
/**
 * In the first rounds code is compiled and caches fill (an edge keeps the figures of up to 4,000 former routes); what
 * grows in the later ones is a leak.
 */
const warmUpRounds = 5;
const rounds = 5;
/** Bytes for each route that came and went: less than a single forgotten map entry with its key and counters. */
const allowedGrowth = rounds * routesPerRound * 100;

const steady = '  - {id: steady, path: /steady, subject: test.steady}\n';

let router: RouterStack;
let table: RouteTable;

beforeAll(async () => {
  router = await startRouters({
    services: ['router', 'edge'],
    document: `${openDocument}routes:\n${steady}`,
    env: inspected,
  });
  router.bus.subscribe('test.steady', (message) => message.respond('{}'));
  router.bus.subscribe('churn.declared', (message) => message.respond('{}'));
  const schema = JSON.stringify({ summary: 'Churn', response: { type: 'object', title: 'Churn' } });
  router.bus.subscribe('churn.schema', (message) => message.respond(schema));
  table = await followRoutes(router.bus, { replicas: 1, settleMs: 0 });
});
afterAll(async () => {
  table.stop();
  await router[Symbol.asyncDispose]();
});

async function get(path: string): Promise<number> {
  const response = await fetch(router.stack.gateway + path);
  await response.arrayBuffer();
  return response.status;
}

async function everywhere(path: string, status: number): Promise<void> {
  await until(async () => (await get(path)) === status, { message: `${path} is ${status}` });
}

/** Half of the routes are declared, half are those of services; every id and path is new in every round. */
async function churn(round: number): Promise<void> {
  const half = routesPerRound / 2;
  const names = Array.from({ length: half }, (_, n) => `r${round}-${n}`);
  const declared = names.map(
    (name) => `  - {id: d-${name}, path: '/d/${name}/{id}', subject: churn.declared}\n`,
  );
  await router.writeDocument(`${openDocument}routes:\n${steady}${declared.join('')}`);
  const services = await Promise.all(
    Array.from({ length: 10 }, (_, n) => {
      const mine = names.slice((n * half) / 10, ((n + 1) * half) / 10);
      const endpoints = mine.map((name) => [
        name,
        { 'sluice.route': `GET /s/${name}/{id}`, 'sluice.schema': 'churn.schema' },
      ]);
      return startPlainService(router.bus, `churn${n}-r${round}`, Object.fromEntries(endpoints));
    }),
  );
  await until(() => table.size === routesPerRound + 2, {
    timeoutMs: 20_000,
    message: () => `${table.size} routes`,
  });
  await everywhere(`/d/${names.at(-1)}/1`, 200);
  await everywhere(`/s/${names.at(-1)}/1`, 200);
  // Each route is called, so that whatever is kept per route exists.
  for (let at = 0; at < half; at += 50)
    await Promise.all(
      names
        .slice(at, at + 50)
        .flatMap((name) => [
          get(`/d/${name}/1`).then((status) => expect(status).toBe(200)),
          get(`/s/${name}/1`).then((status) => expect(status).toBe(200)),
        ]),
    );
  expect(await get('/openapi.json')).toBe(200);
  await router.writeDocument(`${openDocument}routes:\n${steady}`);
  await Promise.all(services.map((service) => service.stop()));
  await until(() => table.size === 2, { timeoutMs: 20_000, message: () => `${table.size} routes` });
  await everywhere(`/d/${names.at(-1)}/1`, 404);
  await everywhere(`/s/${names.at(-1)}/1`, 404);
}

test('a thousand routes coming and going disturb no request and leave nothing in memory', async () => {
  await everywhere('/steady', 200);
  const enough = new AbortController();
  const statuses = new Set<number>();
  const caller = (async () => {
    while (!enough.signal.aborted) statuses.add(await get('/steady'));
  })();

  for (let round = 0; round < warmUpRounds; round++) await churn(round);
  const measured: { service: StackService; before: number; after: number }[] = [];
  for (const service of router.stack.services)
    measured.push({ service, before: await liveBytes(service), after: 0 });
  for (let round = 0; round < rounds; round++) await churn(warmUpRounds + round);
  for (const each of measured) each.after = await liveBytes(each.service);

  enough.abort();
  await caller;
  expect([...statuses]).toEqual([200]);
  for (const { service, before, after } of measured)
    expect(after - before, `${service.name} grew from ${before} to ${after} bytes`).toBeLessThan(
      allowedGrowth,
    );
});
