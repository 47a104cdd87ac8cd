import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectBus, type Bus } from '@sluice/nats';
import { makeApiKey, readCurrent } from '@sluice/policy';
import { nodeProgram, projectRoot, startProgram, startStack, until, type TestStack } from '@sluice/testing';

const adminKey = makeApiKey().text;
let folder: string;
let stack: TestStack;
let bus: Bus;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-file-'));
  await write('gateway.yaml', 'version: 1\n');
  stack = await startStack({
    services: ['router', 'edge', 'admin'],
    env: { SLUICE_ADMIN_KEY: adminKey, SLUICE_GATEWAY_FILE: path.join(folder, 'gateway.yaml') },
  });
  bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  await until(async () => (await fetch(`${stack.gateway}/admin/v1/document`)).status === 401);
});
afterAll(async () => {
  await bus?.close();
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** In one step, so that no router reads half a file. */
async function write(name: string, text: string): Promise<void> {
  const file = path.join(folder, name);
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

async function gateway(...args: string[]): Promise<string> {
  const env = { INIT_CWD: folder, SLUICE_GATEWAY_URL: stack.gateway, SLUICE_ADMIN_KEY: adminKey };
  const command = startProgram(nodeProgram, [path.join(projectRoot, 'scripts/gateway.ts'), ...args], env);
  const code = await command.exited;
  const out = command.logs.map(({ msg }) => msg).join('\n');
  expect(code, out).toBe(0);
  return out;
}

const present = async (): Promise<unknown> => (await readCurrent(bus))?.document;

test('what was applied outlives restarts of routers with the same file; an edit of the file, and SIGHUP, take its place', async () => {
  const first = (await readCurrent(bus))!;
  expect(first.author).toBe('file gateway.yaml');
  await write('x.yaml', 'live: {channels: 5}\n');
  expect(await gateway('apply', 'x.yaml')).toContain(
    `warning: routers load the document from a file, too (gateway.yaml, last as revision ${first.revision}): its next change takes the place of this document`,
  );
  const applied = (await readCurrent(bus))!;
  expect(applied.document).toEqual({ live: { channels: 5 } });

  const kept = /^gateway file not applied: it has not changed/;
  const late = await stack.start('router');
  expect(await late.process.waitForLog(({ msg }) => kept.test(msg ?? ''))).toMatchObject({
    revision: applied.revision,
  });
  await late.process.stop();
  const { process: router } = stack.service('router');
  await router.stop();
  const again = await stack.start('router');
  await again.process.waitForLog(({ msg }) => kept.test(msg ?? ''));
  expect((await readCurrent(bus))?.revision).toBe(applied.revision);
  expect(await gateway('status')).toContain(
    `file: gateway.yaml, loaded by routers as revision ${first.revision}; another document was applied since; its next change is applied`,
  );

  await write('gateway.yaml', 'live: {channels: 6}\n');
  await until(async () => ((await readCurrent(bus))?.revision ?? 0) > applied.revision);
  expect(await present()).toEqual({ live: { channels: 6 } });

  await gateway('rollback', String(applied.revision));
  expect(await present()).toEqual({ live: { channels: 5 } });
  again.process.signal('SIGHUP');
  await until(async () => (await readCurrent(bus))?.author === 'file gateway.yaml');
  expect(await present()).toEqual({ live: { channels: 6 } });
});
