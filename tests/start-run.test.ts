import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot, realData, startProgram, until } from '@sluice/testing';
import { shellQuote } from '../scripts/local/shell-quote.ts';
import { allTrades, withDataDir, type Started } from './start-support.ts';

/** The commands of the ready screen by their number, as a user copies them. */
function commandsOf(output: string): Map<string, string[]> {
  const commands = new Map<string, string[]>();
  let number = '';
  for (const line of output.slice(output.indexOf('Sluice is ready.')).split('\n')) {
    const heading = /^ {2}([1-4])\. /.exec(line);
    if (heading) number = heading[1]!;
    else if (number !== '' && line.startsWith('     ')) {
      commands.set(number, [...(commands.get(number) ?? []), line.trim()]);
    } else if (line.trim() !== '') number = '';
  }
  return commands;
}

function shell(command: string) {
  return startProgram('/bin/bash', ['-c', `exec ${command}`]);
}

describe('a running stack', () => {
  it('shows commands that work as they stand, and tells scripts where everything is', async () => {
    await withDataDir(async (start, dataDir) => {
      // The user's own PostgreSQL is another one.
      const run = start([], { PGSSLMODE: 'require', PGOPTIONS: '-csearch_path=nowhere' });
      const endpoints = await run.ready();
      expect(run.output).toMatch(/Market feed +simulated/);
      expect(run.output).toMatch(/feed +warn these trades are simulated/);
      expect(run.output).not.toMatch(/^\{"level"/m);

      // The live chart, which reaches the gateway.
      const chart = /Live chart +(http:\S+)/.exec(run.output)![1]!;
      expect(await (await fetch(chart)).text()).toContain('<title>Sluice live chart</title>');
      expect((await fetch(`${chart}/v1/markets`)).status).toBe(200);

      // endpoints.json
      expect((await stat(path.join(dataDir, 'endpoints.json'))).mode & 0o777).toBe(0o600);
      expect(Object.keys(endpoints).sort()).toEqual(['database', 'gateway', 'nats', 'services']);
      expect(endpoints.gateway).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(Object.keys(endpoints.nats).sort()).toEqual(['password', 'pid', 'url', 'user']);
      expect(endpoints.services.map((service) => service.name).sort()).toEqual([
        'admin',
        'broadcaster',
        'edge',
        'marketdata',
        'ratelimit',
        'router',
      ]);
      for (const { name, pid, metrics } of endpoints.services) {
        expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toContain(`services/${name}/main.ts`);
        expect(await (await fetch(metrics)).text()).toContain('process_cpu_user_seconds_total');
      }
      expect(await readFile(`/proc/${endpoints.nats.pid}/cmdline`, 'utf8')).toContain('nats-server');
      expect(await readFile(`/proc/${endpoints.database.pid}/cmdline`, 'utf8')).toContain('postgres');

      // The four things to try.
      const commands = commandsOf(run.output);
      const rest = shell(commands.get('1')![0]!);
      expect(await rest.exited).toBe(0);
      expect(rest.logs.find((line) => 'symbol' in line)).toMatchObject({ symbol: 'BTCUSDT' });

      await using socket = shell(commands.get('2')![0]!);
      await socket.waitForLog((line) => line['ok'] === true);
      const live = await socket.waitForLog((line) => line['channel'] === 'trades.BTCUSDT');
      expect(live['data']).toMatchObject({ price: expect.stringMatching(/^\d+(\.\d+)?$/) });
      await socket.kill();

      await using events = shell(commands.get('3')![0]!);
      await events.waitForLog((line) => line.msg?.startsWith('data:') === true);
      await events.kill();

      const [serve, call] = commands.get('4')!;
      await using backend = shell(serve!);
      await backend.waitForLog((line) => line.msg?.startsWith('ready') === true);
      const answer = await until(async () => {
        const calling = shell(call!);
        expect(await calling.exited).toBe(0);
        return calling.logs.find((line) => 'item' in line);
      });
      expect(answer).toMatchObject({ id: 1, item: 'book' });
      await backend.stop();

      await runReadmeBackend(endpoints.gateway, dataDir);

      // A second start on the same data.
      const second = start();
      expect(await second.exited).toBe(1);
      expect(second.output).toMatch(/^sluice: another Sluice \(process \d+\) runs on /m);
      expect((await fetch(`${endpoints.gateway}/v1/markets`)).status).toBe(200);

      // A service that crashes is started again, and endpoints.json follows.
      const old = endpoints.services.find((service) => service.name === 'marketdata')!;
      process.kill(old.pid, 'SIGKILL');
      const fresh = await until(
        async () =>
          (await run.endpoints()).services.find(({ name, pid }) => name === old.name && pid !== old.pid),
        { timeoutMs: 60_000 },
      );
      expect((await fetch(fresh.metrics)).status).toBe(200);
      expect(run.output).toMatch(/marketdata +warn ended by itself \(SIGKILL\); starting it again in 0\.5 s/);

      await stopAndKeep(run, endpoints.gateway);
      await expect(fetch(chart)).rejects.toThrow();
    });
  });

  it('keeps its data over a stop, and --reset deletes it', async () => {
    await withDataDir(async (start) => {
      const trade = { id: '1', ts: 1_700_000_000_000, price: '5.25', size: '3', side: 'buy' };
      const first = start(['--no-feed']);
      const { gateway } = await first.ready();
      const adminKey = /Admin key +(slk_\S+)\n +\(shown this once; kept in .+admin-key\)/.exec(
        first.output,
      )?.[1];
      const feedKey = await makeFeedKey(gateway, String(adminKey));
      const posted = await fetch(`${gateway}/v1/markets/KEPT/trades`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': feedKey },
        body: JSON.stringify({ trades: [trade] }),
      });
      expect(posted.ok).toBe(true);
      await until(async () => (await allTrades(gateway, 'KEPT')).length === 1);
      first.interrupt();
      expect(await first.exited).toBe(0);

      const second = start(['--no-feed']);
      const kept = await second.ready();
      expect(await allTrades(kept.gateway, 'KEPT')).toEqual([trade]);
      expect(second.output).toMatch(/Admin key +in .+admin-key\n/);
      expect(second.output).not.toContain('slk_');
      expect(await statusOfKey(kept.gateway, String(adminKey))).toBe(200);
      second.interrupt();
      await second.nothingLeft();

      const third = start(['--no-feed', '--reset']);
      const again = await third.ready();
      expect(third.output).toContain('old data deleted');
      expect(await allTrades(again.gateway, 'KEPT')).toEqual([]);
      expect(third.output).toMatch(/Admin key +slk_/);
      expect(await statusOfKey(again.gateway, String(adminKey))).toBe(401);
      third.interrupt();
      await third.nothingLeft();
    });
  });
});

/** Trades over HTTP are taken from consumers with their scope. */
async function makeFeedKey(gateway: string, adminKey: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'x-api-key': adminKey };
  const post = async (target: string, body: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${gateway}/admin/v1/${target}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(201);
    return (await response.json()) as Record<string, unknown>;
  };
  await post('consumers', { id: 'feed', scopes: ['markets:write'] });
  return String((await post('consumers/feed/keys', {}))['key']);
}

async function statusOfKey(gateway: string, key: string): Promise<number> {
  return (await fetch(`${gateway}/admin/v1/document`, { headers: { 'x-api-key': key } })).status;
}

/** The backend of the README, word for word. */
async function runReadmeBackend(gateway: string, dataDir: string): Promise<void> {
  const readme = await readFile(path.join(projectRoot, 'README.md'), 'utf8');
  const code = /```ts\n([^]*?)```/.exec(readme)?.[1] ?? '';
  // Below the checkout, where the packages it imports are found.
  await mkdir(path.join(projectRoot, '.sluice'), { recursive: true });
  const folder = await mkdtemp(path.join(projectRoot, '.sluice/readme-'));
  try {
    const file = path.join(folder, 'hello.ts');
    await writeFile(file, code);
    await using backend = shell(
      `npm run --silent with-stack -- --data-dir ${shellQuote(dataDir)} node ${file}`,
    );
    const answer = await until(async () => {
      const response = await fetch(`${gateway}/v1/hello/Ada`);
      return response.ok ? response.json() : undefined;
    });
    expect(answer).toEqual({ hello: 'Ada' });
    expect((await fetch(`${gateway}/v1/hello/${'x'.repeat(41)}`)).status).toBe(400);
    await backend.stop();
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function stopAndKeep(run: Started, gateway: string): Promise<void> {
  run.interrupt();
  expect(await run.exited).toBe(0);
  await run.nothingLeft();
  expect(run.output).not.toContain('was killed');
  // In the order that nobody loses what he still needs.
  const order = ['feed', 'edge', 'router'].map((name) => run.output.search(new RegExp(`${name} +stopped`)));
  expect(order).not.toContain(-1);
  expect(order.toSorted((a, b) => a - b)).toEqual(order);
  await expect(fetch(gateway)).rejects.toThrow();
  await expect(run.endpoints()).rejects.toThrow(/ENOENT/);
}

const sample = realData('trades_binance_20240808.csv');

describe('a replay', () => {
  it.skipIf(sample === undefined)('stores every trade once, however often it is run', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'sluice-slice-'));
    const file = path.join(directory, 'slice.csv');
    const lines = (await readFile(sample!, 'utf8')).split('\n').slice(0, 2_001);
    await writeFile(file, `${lines.join('\n')}\n`);
    const rows = lines.slice(1).map((line) => line.split(','));
    try {
      await withDataDir(async (start) => {
        const first = start(['--replay', file, '--speed', 'max']);
        const { gateway } = await first.ready();
        expect(first.output).toMatch(
          /Market feed +replay of 2,000 recorded trades, as fast as it goes \(slice\.csv\)/,
        );
        await until(() => /feed +replay finished +published=2000 +of=2000 +stored=2000/.test(first.output));
        for (const symbol of ['BTCUSDT', 'ETHUSDT']) await expectStored(gateway, symbol, rows);
        // The stack stays when the replay is over.
        expect((await fetch(`${gateway}/v1/markets`)).status).toBe(200);
        expect(first.output).not.toMatch(/feed +warn ended/);
        first.child.kill('SIGTERM');
        expect(await first.exited).toBe(0);
        await first.nothingLeft();

        const second = start(['--replay', file, '--speed', '100000']);
        const again = await second.ready();
        await until(() => second.output.includes('replay finished'), { timeoutMs: 30_000 });
        for (const symbol of ['BTCUSDT', 'ETHUSDT']) await expectStored(again.gateway, symbol, rows);
        second.interrupt();
        await second.nothingLeft();
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

async function expectStored(gateway: string, symbol: string, rows: readonly string[][]): Promise<void> {
  const expected = rows.filter((row) => row[1] === symbol).map((row) => row[2]!);
  const stored = await until(
    async () => {
      const trades = await allTrades(gateway, symbol);
      return trades.length >= expected.length ? trades : undefined;
    },
    { timeoutMs: 30_000, message: `${expected.length} trades of ${symbol}` },
  );
  expect(stored.map((trade) => trade.id).sort()).toEqual(expected.sort());
}

describe('npm run with-stack', () => {
  it('says how to get a stack where none runs', async () => {
    await withDataDir(async (_start, dataDir) => {
      const run = startProgram(
        'npm',
        ['run', '--silent', 'with-stack', '--', '--data-dir', dataDir, 'env'],
        {},
        projectRoot,
      );
      expect(await run.exited).toBe(1);
      expect(run.logs.at(-1)?.msg).toBe(`sluice: no stack runs on ${dataDir}: start one with npm start`);
    });
  });
});
