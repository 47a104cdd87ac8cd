import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectBus, type Bus } from '@sluice/nats';
import { applyDocument, makeApiKey, openConfigBucket, readRevision, type GatewayInput } from '@sluice/policy';
import { startMicroService } from '@sluice/service';
import { nodeProgram, projectRoot, startStack, until, type TestStack } from '@sluice/testing';
import { Load } from './support/load.ts';

/** What DESIGN.md promises of a document that was applied: live on every edge and router within a second. */
const liveWithinMs = 1_000;
/** What a busy machine may take without being wrong. */
const patience = { timeoutMs: 30_000 };

const adminKey = makeApiKey().text;
let stack: TestStack;
let bus: Bus;
let folder: string;
let gateways: string[];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-apply-'));
  stack = await startStack({
    services: ['router', 'router', 'edge', 'edge', 'admin'],
    env: { SLUICE_ADMIN_KEY: adminKey },
  });
  gateways = stack.services.flatMap(({ gateway }) => gateway ?? []);
  bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  bus.subscribe('test.one', (message) => message.respond(JSON.stringify({ instance: 1 })));
});
afterAll(async () => {
  await bus?.close();
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

const document = (
  id: string,
  more: Partial<NonNullable<GatewayInput['routes']>[number]> = {},
): GatewayInput => ({
  routes: [
    { id: 'steady', path: '/steady', subject: 'test.one', auth: 'public' },
    { id, path: `/${id}`, subject: 'test.one', auth: 'public', ...more },
  ],
});

const apply = (input: GatewayInput) => applyDocument(bus, input, { expectedRevision: null, author: 'test' });

async function statuses(path: string): Promise<number[]> {
  const answers = await Promise.all(gateways.map((gateway) => fetch(gateway + path)));
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  return answers.map(({ status }) => status);
}

async function everywhere(path: string, status: number): Promise<void> {
  await until(async () => (await statuses(path)).every((each) => each === status), {
    ...patience,
    everyMs: 10,
    message: `${path} is ${status} at every edge`,
  });
}

function gateway(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const script = path.join(projectRoot, 'scripts/gateway.ts');
  const env = {
    ...process.env,
    INIT_CWD: folder,
    SLUICE_GATEWAY_URL: gateways[0],
    SLUICE_ADMIN_KEY: adminKey,
  };
  return new Promise((resolve) => {
    execFile(nodeProgram, [script, ...args], { cwd: projectRoot, env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
    );
  });
}

test('a document is compared with the one in force and applied by the command line', async () => {
  await until(async () => (await fetch(`${gateways[0]}/admin/v1/document`)).status === 401, patience);
  await writeFile(path.join(folder, 'office.txt'), '127.0.0.0/8\n');
  const written = {
    ...document('written', { addresses: { allow: ['office'], deny: [] } }),
    addresses: { lists: { office: { file: 'office.txt' } } },
  };
  await writeFile(path.join(folder, 'gateway.json'), JSON.stringify(written));
  const diff = await gateway('diff', 'gateway.json');
  expect(diff).toMatchObject({ code: 0, err: '' });
  expect(diff.out).toContain('+ addresses: {"lists":{"office":["127.0.0.0/8"]}}\n');
  await everywhere('/written', 404);
  expect(await gateway('apply', 'gateway.json')).toMatchObject({ code: 0, err: '' });
  await everywhere('/written', 200);
  expect((await gateway('diff', 'gateway.json')).out).toBe('no difference\n');
});

test('what is applied is live on every edge within a second, and who may call changes with it', async () => {
  const took: number[] = [];
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    await apply(document(`round${round}`, round % 2 === 0 ? {} : { auth: ['key'] }));
    await everywhere(`/round${round}`, round % 2 === 0 ? 200 : 401);
    took.push(performance.now() - began);
  }
  await everywhere('/round0', 404);
  // One slow round says that the machine was busy; that none is in time would say that the gateway is slow.
  expect(Math.min(...took), took.join(', ')).toBeLessThan(liveWithinMs);
});

test('the status tells which revision each edge, router and admin worker follows', async () => {
  const { revision } = await apply(document('followed'));
  const table = await until(
    async () => {
      const { out } = await gateway('status');
      return out.includes(`document: revision ${revision}, followed by 5 of 5`) ? out : null;
    },
    { ...patience, message: 'every process follows the newest document' },
  );
  const rows = table.split('\n').map((line) => line.trim().split(/ +/));
  const following = rows.filter((row) => row.at(-1) === String(revision)).map(([name]) => name);
  expect(following).toEqual(['admin', 'edge', 'edge', 'router', 'router']);
});

test('who is about to take a limit away that a service announces is warned, and the route goes', async () => {
  const service = await startMicroService(bus, {
    name: 'orders',
    version: '1.0.0',
    description: 'Announces a limit',
    endpoints: [
      {
        name: 'get',
        subject: 'orders.get',
        metadata: { 'sluice.route': 'GET /orders', 'sluice.auth': 'public', 'sluice.rate': 'burst' },
        handle: (message) => message.respond('1'),
      },
    ],
  });
  await apply({ ...document('kept'), limits: { burst: { limit: 1_000, window: '1s' } } });
  await everywhere('/orders', 200);
  await writeFile(path.join(folder, 'less.json'), JSON.stringify(document('kept')));
  const warning =
    'warning: orders.get: GET /orders leaves the route table: limit "burst", which it announces, is not in the document\n';
  expect((await gateway('diff', 'less.json')).out).toContain(warning);
  const applied = await gateway('apply', 'less.json');
  expect(applied).toMatchObject({ code: 0, err: '' });
  expect(applied.out).toContain(warning);
  await everywhere('/orders', 404);
  await service.stop();
});

test('an address list of a hundred thousand entries is applied and holds on every edge; one more is refused', async () => {
  const entries = Array.from({ length: 99_999 }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
  const write = (list: readonly string[]) => writeFile(path.join(folder, 'many.txt'), list.join('\n'));
  const guarded = {
    ...document('guarded', { addresses: { deny: ['many'] } }),
    addresses: { lists: { many: { file: 'many.txt' } } },
  };
  await writeFile(path.join(folder, 'many.json'), JSON.stringify(guarded));
  await write(entries);
  expect(await gateway('apply', 'many.json')).toMatchObject({ code: 0, err: '' });
  await everywhere('/guarded', 200);
  await write([...entries, '127.0.0.0/8']);
  expect(await gateway('apply', 'many.json')).toMatchObject({ code: 0, err: '' });
  await everywhere('/guarded', 403);

  await write([...entries, '127.0.0.0/8', '192.0.2.1']);
  expect(await gateway('apply', 'many.json')).toEqual({
    code: 1,
    out: 'many.json:1: addresses.lists.many: must have at most 100,000 entries, not 100,001\n\n1 fault\n',
    err: '',
  });
  expect(await statuses('/guarded')).toEqual(gateways.map(() => 403));
});

test('what is wrong changes nothing, and no request is lost while documents come and go', async () => {
  const { revision } = await apply(document('kept'));
  await everywhere('/kept', 200);
  const load = new Load(gateways[1] as string, '/steady');
  const config = await openConfigBucket(bus);
  const complaint = /is not valid, the one before stays: .*limit "none" is not defined/;
  const wrong: GatewayInput = document('kept', { limits: ['none'] });
  await config.put('gateway', JSON.stringify({ document: wrong }));
  for (const { process } of stack.services.filter(({ name }) => name !== 'admin'))
    await process.waitForLog((line) => complaint.test(line.msg ?? ''), patience.timeoutMs);
  await everywhere('/kept', 200);
  await load.answered(50);
  for (let round = 0; round < 10; round++) {
    await apply({ ...document(`other${round}`), live: { channels: round + 1 } });
    await load.answered(20);
  }
  await everywhere('/kept', 404);
  // Back to a revision that was good: what rollback does.
  await apply((await readRevision(bus, revision))?.document as GatewayInput);
  await everywhere('/kept', 200);
  expect(await load.stop()).toEqual({ statuses: [200], lost: [] });
});

test('a process that starts while something wrong is stored takes the newest document that is right', async () => {
  await (await openConfigBucket(bus)).put('gateway', '{"document": {"routs": []}}');
  const late = await stack.start('edge');
  const answer = await fetch(`${late.gateway}/kept`);
  expect([answer.status, await answer.json()]).toEqual([200, { instance: 1 }]);
  await late.process.stop();
});
