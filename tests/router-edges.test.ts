import { afterAll, beforeAll, expect, test } from 'vitest';
import { followRoutes, type RouteTable } from '@sluice/routes';
import { until } from '@sluice/testing';
import { openDocument, startPlainService, startRouters, type RouterStack } from './router-kit.ts';

/** How long after the table has changed every edge must have followed. */
const followMs = 1_000;

let router: RouterStack;
let table: RouteTable;
let gateways: string[];

beforeAll(async () => {
  router = await startRouters({ services: ['router', 'edge', 'edge'] });
  table = await followRoutes(router.bus, { replicas: 1, settleMs: 0 });
  gateways = router.stack.services.flatMap(({ gateway }) => gateway ?? []);
});
afterAll(async () => {
  table.stop();
  await router[Symbol.asyncDispose]();
});

async function everyGateway(path: string, status: number): Promise<void> {
  await until(
    async () => {
      const answers = await Promise.all(gateways.map((gateway) => fetch(gateway + path)));
      await Promise.all(answers.map((answer) => answer.arrayBuffer()));
      return answers.every((answer) => answer.status === status);
    },
    { timeoutMs: followMs, message: `${path} is ${status} at every edge` },
  );
}

test('edges follow declared routes within a second, both ways', async () => {
  expect(gateways).toHaveLength(2);
  router.bus.subscribe('test.one', (message) => message.respond('{}'));
  await router.writeDocument(`${openDocument}routes:\n  - {id: one, path: /one, subject: test.one}\n`);
  await until(() => table.get('one') !== undefined);
  await everyGateway('/one', 200);
  await router.writeDocument(`${openDocument}routes:\n  - {id: one, path: /two, subject: test.one}\n`);
  await until(() => table.get('one')?.path === '/two');
  await everyGateway('/two', 200);
  await everyGateway('/one', 404);
});

test('and services that come and go', async () => {
  const service = await startPlainService(router.bus, 'brief', { get: { 'sluice.route': '/brief/{id}' } });
  await until(() => table.get('brief.get') !== undefined);
  await everyGateway('/brief/1', 200);
  await service.stop();
  // Nobody answers any more: 503 until the table says that there is no such path.
  await everyGateway('/brief/1', 503);
  await until(() => table.get('brief.get') === undefined);
  await everyGateway('/brief/1', 404);
});

test('edges go on answering from what they know while every router is away', async () => {
  const service = await startPlainService(router.bus, 'known', { get: { 'sluice.route': '/known' } });
  await until(() => table.get('known.get') !== undefined);
  await everyGateway('/known', 200);
  await router.stack.service('router').process.kill();
  await everyGateway('/known', 503);
  await everyGateway('/unknown', 404);
  await router.stack.start('router');
  await everyGateway('/known', 200);
  await service.stop();
});
