import { watch, type FSWatcher } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectBus, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { GatewayFile, type FileEvent } from './gateway-file.ts';

vi.mock('node:fs', async (original) => {
  const real = await original<Record<'watch', typeof watch>>();
  return { ...real, watch: vi.fn(real.watch) };
});

let nats: TestNats;
let bus: Bus;
let scratch: string;
let folder: string;
let gateway: GatewayFile | undefined;
let events: FileEvent[];

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
});
afterAll(async () => {
  await bus.close();
  await nats.stop();
});
beforeEach(async () => {
  vi.mocked(watch).mockClear();
  scratch = await mkdtemp(path.join(tmpdir(), 'sluice-file-'));
  folder = path.join(scratch, 'gateway');
  events = [];
});
afterEach(async () => {
  await gateway?.stop();
  await rm(scratch, { recursive: true, force: true });
});

async function start(): Promise<void> {
  gateway = new GatewayFile({
    file: path.join(folder, 'gateway.yaml'),
    bus,
    onEvent: (event) => events.push(event),
  });
  await gateway.start();
}

/** A document with so many routes. */
async function write(routes: number, where = folder): Promise<void> {
  await mkdir(where, { recursive: true });
  const route = (n: number) => ({ id: `r${n}`, path: `/r/${n}`, subject: 'test.r' });
  const document = { routes: Array.from({ length: routes }, (_, n) => route(n)) };
  await writeFile(path.join(where, 'gateway.yaml'), JSON.stringify(document));
}

const loaded = (routes: number) =>
  until(() => events.some((event) => event.kind === 'loaded' && event.routes === routes), {
    timeoutMs: 10_000,
  });

it('a folder that comes later is watched when it is there', async () => {
  await start();
  expect(events.map(({ kind }) => kind)).toEqual(['refused']);
  await write(1);
  await loaded(1);
  await write(2);
  await loaded(2);
});

it('a folder that is removed and made again, or replaced, is watched again', async () => {
  await write(1);
  await start();
  await loaded(1);
  await rm(folder, { recursive: true });
  await until(() => events.at(-1)?.kind === 'refused');
  await write(2);
  await loaded(2);
  await write(3, `${folder}.new`);
  await rename(folder, `${folder}.old`);
  await rename(`${folder}.new`, folder);
  await loaded(3);
  await write(4);
  await loaded(4);
});

it('a folder whose watch has failed is watched again, and what changed meanwhile is loaded', async () => {
  await write(1);
  await start();
  await loaded(1);
  const { value } = vi.mocked(watch).mock.results[0]!;
  (value as FSWatcher).emit('error', new Error('no more watches'));
  await write(2);
  await loaded(2);
  await write(3);
  await loaded(3);
});
