import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot, realData, until } from '@sluice/testing';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const sample = realData('trades_binance_20240808.csv');
const isClone = existsSync(path.join(projectRoot, '.git'));

/** Root's tests use the ordinary user that every system has. */
const ordinary = isRoot ? { uid: 65_534, gid: 65_534 } : {};
let home: string;
let clone: string;

/** What the last commit holds, installed by an ordinary user in a home that is closed to others. */
beforeAll(async () => {
  if (!isClone) return;
  home = await mkdtemp(path.join(tmpdir(), 'sluice-home-'));
  clone = path.join(home, 'sluice');
  await run('git', ['-c', 'safe.directory=*', 'clone', '--quiet', '--no-local', projectRoot, clone]);
  if (sample !== undefined) await copyFile(sample, path.join(home, 'trades.csv'));
  if (isRoot) await run('chown', ['-R', '65534:65534', home]);
  const registry = (await run('npm', ['config', 'get', 'registry'])).stdout.trim();
  await run('npm', ['install', '--no-progress'], {
    ...ordinary,
    cwd: clone,
    env: { ...environment(), npm_config_registry: registry },
    maxBuffer: 64 * 1024 * 1024,
  });
});

const started: ChildProcess[] = [];

afterAll(async () => {
  // After a test that failed half-way: without its npm a stack stops by itself.
  for (const child of started) if (child.exitCode === null) child.kill('SIGKILL');
  if (isClone) await until(() => !existsSync(path.join(clone, '.sluice/lock')), { timeoutMs: 60_000 });
  if (home !== undefined) await rm(home, { recursive: true, force: true });
});

/** Nothing of the npm that runs these tests, and the home of that user. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name, value]) => {
    if (name === 'PATH') return true;
    return (
      !/^(npm_|NPM_|NATS_|DATABASE_URL$|SLUICE_|VITEST|NODE|XDG_|INIT_CWD$)/.test(name) && value !== undefined
    );
  });
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const outside = folders.filter((folder) => !folder.includes('node_modules')).join(path.delimiter);
  return { ...Object.fromEntries(kept), PATH: outside, HOME: home };
}

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly gateway: string;
}

async function start(directory: string, user: { uid?: number; gid?: number }, args: string[]): Promise<Run> {
  const child = spawn('npm', ['start', '--', '--port', '0', ...args], {
    ...user,
    cwd: directory,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (output += data.toString()));
  await until(() => output.includes('Sluice is ready.') || child.exitCode !== null, {
    timeoutMs: 150_000,
    message: () => output,
  });
  if (child.exitCode !== null) throw new Error(output);
  const gateway = /Gateway +(\S+)/.exec(output)![1]!;
  return { child, output: () => output, gateway };
}

async function stop({ child, output }: Run): Promise<void> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  expect(await ended, output()).toBe(0);
}

interface Market {
  symbol: string;
  trades: number;
}

async function markets(gateway: string): Promise<Market[]> {
  const answer = (await (await fetch(`${gateway}/v1/markets`)).json()) as { data: Market[] };
  return answer.data;
}

describe.skipIf(!isClone)('a fresh clone', () => {
  it.skipIf(sample === undefined)('of an ordinary user replays a recorded day', async () => {
    const running = await start(clone, ordinary, ['--replay', '../trades.csv', '--speed', 'max']);
    const stored = async (): Promise<number> =>
      (await markets(running.gateway)).reduce((sum, market) => sum + market.trades, 0);
    await until(async () => (await stored()) >= 34_419, { timeoutMs: 90_000, message: running.output });
    expect(await stored()).toBe(34_419);
    await stop(running);
  });

  it.skipIf(!isRoot)(
    'of root in a directory closed to others starts, keeps its data and resets it',
    async () => {
      const closed = await mkdtemp(path.join(tmpdir(), 'sluice-closed-'));
      const copy = path.join(closed, 'sluice');
      try {
        await chmod(closed, 0o700);
        await run('cp', ['-a', clone, copy]);
        await rm(path.join(copy, '.sluice'), { recursive: true, force: true });
        await run('chown', ['-R', '0:0', copy]);
        await mkdir(path.join(copy, '.sluice'));
        await chown(path.join(copy, '.sluice'), 0, 0);

        const running = await start(copy, {}, []);
        expect((await markets(running.gateway)).length).toBeGreaterThan(0);
        await stop(running);
        const cluster = await readlink(path.join(copy, '.sluice/postgres'));
        expect(await readFile(path.join(cluster, 'PG_VERSION'), 'utf8')).toMatch(/^\d+\n$/);

        const again = await start(copy, {}, ['--no-feed']);
        expect((await markets(again.gateway)).length).toBeGreaterThan(0);
        await stop(again);

        const reset = await start(copy, {}, ['--no-feed', '--reset']);
        expect(await markets(reset.gateway)).toEqual([]);
        await stop(reset);
      } finally {
        const cluster = await readlink(path.join(copy, '.sluice/postgres')).catch(() => undefined);
        if (cluster !== undefined) await rm(cluster, { recursive: true, force: true });
        await rm(closed, { recursive: true, force: true });
      }
    },
  );
});
