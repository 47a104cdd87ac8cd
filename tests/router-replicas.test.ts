import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectBus } from '@sluice/nats';
import { followRoutes, type RouteTable } from '@sluice/routes';
import { until, type StackService } from '@sluice/testing';
import { ask, metric, startPlainService, startRouters, type RouterStack } from './router-kit.ts';

let router: RouterStack;
let table: RouteTable;

beforeAll(async () => {
  router = await startRouters({ services: ['router', 'router'] });
  table = await followRoutes(router.bus, { replicas: 1, settleMs: 0 });
  await until(() => table.get('openapi') !== undefined);
});
afterAll(async () => {
  table.stop();
  await router[Symbol.asyncDispose]();
});

const running = (): StackService[] => router.stack.services.filter(({ process }) => process.running);

async function compilers(): Promise<StackService[]> {
  const found: StackService[] = [];
  for (const service of running())
    if ((await metric(service.ops, 'sluice_router_compiler')) === 1) found.push(service);
  return found;
}

async function theCompiler(): Promise<StackService> {
  return until(async () => {
    const found = await compilers();
    return found.length === 1 ? found[0] : undefined;
  });
}

/** Asks again and again, `width` at a time, until stopped; gives the statuses with their counts. */
function load(route: string, width = 8): { stop(): Promise<Record<number, number>>; readonly done: number } {
  const statuses: Record<number, number> = {};
  let done = 0;
  const enough = new AbortController();
  const worker = async (): Promise<void> => {
    while (!enough.signal.aborted) {
      const { status } = await ask(router.bus, route);
      statuses[status] = (statuses[status] ?? 0) + 1;
      done++;
    }
  };
  const workers = Promise.all(Array.from({ length: width }, worker));
  return {
    get done() {
      return done;
    },
    async stop() {
      enough.abort();
      await workers;
      return statuses;
    },
  };
}

test('one replica compiles, both serve', async () => {
  await theCompiler();
  const service = await startPlainService(router.bus, 'both', { get: { 'sluice.route': '/both' } });
  await until(() => table.get('both.get') !== undefined);
  const served = async (): Promise<boolean> => {
    for (const { ops } of running())
      if ((await metric(ops, 'sluice_router_requests_total', { route: 'both.get', outcome: 'ok' })) === 0)
        return false;
    return true;
  };
  await until(async () => {
    await Promise.all(Array.from({ length: 20 }, () => ask(router.bus, 'both.get')));
    return served();
  });
  await service.stop();
});

describe('an instance of a backend that stops', () => {
  test('loses no request', async () => {
    const buses = await Promise.all(
      ['one', 'two'].map((name) => connectBus({ servers: [router.stack.natsUrl], name })),
    );
    const [one, two] = await Promise.all(
      buses.map((bus) => startPlainService(bus, 'pair', { get: { 'sluice.route': '/pair' } })),
    );
    await until(() => table.get('pair.get') !== undefined);
    const calls = load('pair.get');
    await until(() => calls.done > 100);
    await one!.stop();
    await buses[0]!.close();
    const before = calls.done;
    await until(() => calls.done > before + 100);
    expect(Object.keys(await calls.stop())).toEqual(['200']);
    await two!.stop();
    await buses[1]!.close();
  });
});

describe('a router that stops', () => {
  test('loses no request and hands the role over', async () => {
    const service = await startPlainService(router.bus, 'calm', { get: { 'sluice.route': '/calm' } });
    await until(() => table.get('calm.get') !== undefined);
    const calls = load('calm.get');
    await until(() => calls.done > 100);
    const leader = await theCompiler();
    expect(await leader.process.stop()).toBe(0);
    const before = calls.done;
    await until(() => calls.done > before + 100);
    expect(Object.keys(await calls.stop())).toEqual(['200']);
    await theCompiler();
    expect(table.get('calm.get')).toBeDefined();
    await router.stack.start('router');
    await service.stop();
  });
});

describe('a compiler that is killed', () => {
  test('is replaced; the table stays whole meanwhile and takes changes after', async () => {
    const service = await startPlainService(router.bus, 'solid', { get: { 'sluice.route': '/solid' } });
    await until(() => table.get('solid.get') !== undefined);
    const gone: string[] = [];
    const stopListening = table.onChange(({ removed }) => gone.push(...removed));
    const leader = await theCompiler();
    await leader.process.kill();
    expect((await ask(router.bus, 'solid.get')).status).toBe(200);
    const next = await theCompiler();
    expect(next.process.pid).not.toBe(leader.process.pid);
    const fresh = await startPlainService(router.bus, 'fresh', { get: { 'sluice.route': '/fresh' } });
    await until(() => table.get('fresh.get') !== undefined);
    expect(gone).not.toContain('solid.get');
    stopListening();
    await router.stack.start('router');
    await service.stop();
    await fresh.stop();
  });
});

describe('a compiler that was paused past its lease', () => {
  test('gives way and undoes nothing', async () => {
    const leader = await theCompiler();
    leader.process.signal('SIGSTOP');
    const others = (): StackService[] =>
      running().filter(({ process }) => process.pid !== leader.process.pid);
    await until(async () => (await metric(others()[0]!.ops, 'sluice_router_compiler')) === 1, {
      timeoutMs: 20_000,
    });
    const service = await startPlainService(router.bus, 'while-away', { get: { 'sluice.route': '/away' } });
    await until(() => table.get('while-away.get') !== undefined);
    const gone: string[] = [];
    const stopListening = table.onChange(({ removed }) => gone.push(...removed));
    leader.process.signal('SIGCONT');
    await until(async () => (await metric(leader.ops, 'sluice_router_compiler')) === 0);
    expect((await theCompiler()).process.pid).not.toBe(leader.process.pid);
    // Another round of polls: whoever thought the route gone would have said so by then.
    const later = await startPlainService(router.bus, 'later', { get: { 'sluice.route': '/later' } });
    await until(() => table.get('later.get') !== undefined);
    expect(gone).not.toContain('while-away.get');
    stopListening();
    await service.stop();
    await later.stop();
  });
});

test('a server that restarts costs routers neither table nor role', async () => {
  const service = await startPlainService(router.bus, 'steady', { get: { 'sluice.route': '/steady' } });
  await until(() => table.get('steady.get') !== undefined);
  const gone: string[] = [];
  const stopListening = table.onChange(({ removed }) => gone.push(...removed));
  await router.stack.nats.restart();
  await until(async () => (await ask(router.bus, 'steady.get')).status === 200, { timeoutMs: 20_000 });
  await until(async () => (await compilers()).length === 1, { timeoutMs: 20_000 });
  const fresh = await startPlainService(router.bus, 'afterwards', { get: { 'sluice.route': '/afterwards' } });
  await until(() => table.get('afterwards.get') !== undefined);
  expect(gone).not.toContain('steady.get');
  stopListening();
  await service.stop();
  await fresh.stop();
});
