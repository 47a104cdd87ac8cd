import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { followRoutes } from '@sluice/routes';
import { nodeProgram, projectRoot, startNatsServer, until } from '@sluice/testing';
import { startPlainService, startRouters, type RouterStack } from './router-kit.ts';

let router: RouterStack;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-cli-'));
  router = await startRouters({
    document:
      'routes:\n  - {id: hello, method: POST, path: "/hello/{name}", subject: test.hello, auth: [jwt]}\n',
  });
  await startPlainService(
    router.bus,
    'orders',
    { get: { 'sluice.route': '/a/{id}' }, bad: { 'sluice.route': '/b', 'sluice.timeout': 'soon' } },
    { version: '1.2.3' },
  );
  const table = await followRoutes(router.bus, { replicas: 1 });
  await until(() => table.get('orders.get') && table.get('hello'));
  table.stop();
});
afterAll(async () => {
  await router[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Run {
  code: number;
  out: string;
  err: string;
}

function gateway(args: string[], env: Record<string, string> = {}, cwd = folder): Promise<Run> {
  const script = path.join(projectRoot, 'scripts/gateway.ts');
  return new Promise((resolve) => {
    const clean = { ...process.env, NATS_URL: '', NATS_USER: '', NATS_PASSWORD: '', ...env };
    execFile(nodeProgram, [script, ...args], { cwd, env: clean }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
    );
  });
}

/** One sentence on standard error, nothing on standard output, no stack trace. */
function expectSentence(run: Run, code: number, text: string | RegExp): void {
  expect(run).toMatchObject({ code, out: '' });
  expect(run.err).toMatch(/^gateway: [^\n]+\n$/);
  expect(run.err).toMatch(text);
}

describe('gateway routes', () => {
  test('lists the table with where each route comes from, and what was left out', async () => {
    const { code, out } = await gateway(['routes', '--nats', router.stack.natsUrl]);
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ['METHOD', 'PATH', 'AUTH', 'SUBJECT', 'ENCODING', 'ORIGIN', 'SERVICE'],
      ['GET', '/a/{id}', 'closed', 'orders.get', 'raw', 'discovered', 'orders 1.2.3'],
      ['POST', '/hello/{name}', 'jwt', 'test.hello', 'raw', 'declared', '-'],
      ['GET', '/openapi.json', 'public', 'sluice.openapi', 'msgpack', 'declared', '-'],
      [''],
      ['3 routes'],
      [''],
      ['Closed, nobody has said who may call them (`auth` of the route, of an override, or of `defaults`):'],
      ['', 'orders.get'],
      [''],
      ['Left out:'],
      [
        '',
        'orders.bad (service orders 1.2.3, endpoint bad): sluice.timeout: "soon" is not a time between "1ms" and "5m"',
      ],
    ]);
  });

  test('gives all of it as JSON', async () => {
    const { out } = await gateway(['routes', '--json'], { NATS_URL: router.stack.natsUrl });
    const listing = JSON.parse(out) as {
      routes: { id: string; auth: unknown }[];
      problems: { id: string }[];
    };
    expect(listing.routes.map(({ id }) => id)).toEqual(['orders.get', 'hello', 'openapi']);
    expect(listing.routes[1]?.auth).toEqual(['jwt']);
    expect(listing.problems.map(({ id }) => id)).toEqual(['orders.bad']);
  });

  test('finds a gateway of npm start by its data directory, .sluice when none is named', async () => {
    const data = path.join(folder, 'home', '.sluice');
    await mkdir(data, { recursive: true });
    const nats = { url: router.stack.natsUrl, user: '', password: '', pid: 1 };
    await writeFile(
      path.join(data, 'endpoints.json'),
      JSON.stringify({ gateway: 'http://x', nats, services: [] }),
    );
    const named = await gateway(['routes', '--data-dir', data]);
    const found = await gateway(['routes'], {}, path.join(folder, 'home'));
    expect(named).toMatchObject({ code: 0, err: '' });
    expect(found).toEqual(named);
  });
});

describe('a call that cannot work ends with one sentence:', () => {
  test('no gateway', async () => expectSentence(await gateway(['routes']), 1, /no gateway runs in \.sluice/));

  test('a data directory that is none', async () => {
    await writeFile(path.join(folder, 'endpoints.json'), '{"nats": 5}');
    expectSentence(await gateway(['routes', '--data-dir', folder]), 1, /does not say where NATS is/);
  });

  test('a server that is away', async () =>
    expectSentence(await gateway(['routes', '--nats', 'nats://127.0.0.1:1']), 1, /cannot connect to NATS/));

  test('a server without a table', async () => {
    await using nats = await startNatsServer();
    expectSentence(await gateway(['routes', '--nats', nats.url]), 1, /holds no route table/);
  });

  test('an unknown command', async () => expectSentence(await gateway(['rotes']), 2, /no command "rotes"/));

  test('an unknown option', async () =>
    expectSentence(await gateway(['routes', '--yaml']), 2, /Unknown option '--yaml'/));

  test('an address that is none', async () =>
    expectSentence(await gateway(['routes', '--nats', 'nats://[']), 2, /not the address/));
});

test('--help tells the commands, and each command its options', async () => {
  for (const args of [[], ['--help'], ['help']]) {
    const { code, out } = await gateway(args);
    expect(code).toBe(0);
    expect(out).toContain('  routes ');
  }
  expect((await gateway(['routes', '--help'])).out).toContain('--data-dir DIR');
});
