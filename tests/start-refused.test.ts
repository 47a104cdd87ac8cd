import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNatsServer, startPostgres, startProgram } from '@sluice/testing';
import { withDataDir } from './start-support.ts';

let directory: string;
let silent: Server;
let silentPort: number;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-refused-'));
  // Takes the port, and says nothing that a NATS server or a database would say.
  silent = createServer((socket) => void socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  silentPort = (silent.address() as AddressInfo).port;
});
afterAll(async () => {
  silent.close();
  await rm(directory, { recursive: true });
});

/** Runs `npm start` that must fail by itself; answers what it said on standard error. */
async function refused(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const dataDir = path.join(directory, `data-${Math.random()}`);
  const all = ['start', '--silent', '--', '--data-dir', dataDir, ...args];
  const run = startProgram('npm', all, { NATS_URL: '', DATABASE_URL: '', ...env });
  expect(await run.exited).toBe(1);
  const said = run.logs.map((line) => line.msg ?? '');
  const sentences = said.filter((line) => line.startsWith('sluice: '));
  expect(said.join('\n')).not.toMatch(/\n\s+at |node:internal|Error:/);
  expect(sentences).toHaveLength(1);
  // Nothing that only a running stack has is left.
  const left = await readdir(dataDir).catch(() => [] as string[]);
  expect(left.filter((name) => /lock|endpoints|processes/.test(name))).toEqual([]);
  return sentences[0]!;
}

describe('npm start refuses with one sentence and exit code 1', () => {
  it('options it does not know, and values that make no sense', async () => {
    expect(await refused(['--colour'])).toMatch(/^sluice: Unknown option '--colour'/);
    expect(await refused(['--port', '99999'])).toMatch(/^sluice: --port 99999: a port is a number/);
    expect(await refused(['--replay', 'x.csv', '--speed', 'slow'])).toMatch(/^sluice: --speed slow: /);
  });

  it('a port that is taken', async () => {
    expect(await refused(['--port', String(silentPort)])).toMatch(
      new RegExp(`^sluice: port ${silentPort} on 127\\.0\\.0\\.1 is taken`),
    );
  });

  it('a database that cannot be reached, or is none, without showing its password', async () => {
    const closed = 'postgres://ada:secret@127.0.0.1:1/x';
    expect(await refused(['--port', '0'], { DATABASE_URL: closed })).toMatch(
      /^sluice: cannot reach the database of DATABASE_URL at 127\.0\.0\.1:1: .*ECONNREFUSED/,
    );
    const none = await refused(['--port', '0'], {
      DATABASE_URL: `postgres://ada:secret@127.0.0.1:${silentPort}/x`,
    });
    expect(none).toMatch(/no answer within 5 s$/);
    expect(none).not.toContain('secret');
    expect(await refused(['--port', '0'], { DATABASE_URL: 'mysql://ada:secret@db/x' })).toMatch(
      /^sluice: DATABASE_URL is not of the form postgres:/,
    );
  });

  it('a database that does not let it in', async () => {
    await using postgres = await startPostgres();
    const url = new URL(postgres.url);
    url.pathname = '/no_such_database';
    expect(await refused(['--port', '0'], { DATABASE_URL: url.href })).toBe(
      `sluice: the database of DATABASE_URL at ${url.host} does not let us in: database "no_such_database" does not exist`,
    );
  });

  it('a NATS server that cannot be reached, is too old, or refuses the password', async () => {
    expect(await refused(['--port', '0'], { NATS_URL: 'nats://127.0.0.1:1' })).toMatch(
      /^sluice: cannot connect to NATS at nats:\/\/127\.0\.0\.1:1: /,
    );
    const old = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write('PONG\r\n'));
      socket.write(
        'INFO {"server_id":"old","version":"2.9.24","proto":1,"headers":true,"max_payload":1048576}\r\n',
      );
    });
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = old.address() as AddressInfo;
      expect(await refused(['--port', '0'], { NATS_URL: `nats://127.0.0.1:${port}` })).toMatch(
        /^sluice: NATS server 2\.9\.24 is too old: Sluice needs 2\.12 or newer$/,
      );
    } finally {
      old.close();
    }
    await using locked = await startNatsServer({ config: 'authorization { user: ada, password: right }' });
    expect(await refused(['--port', '0'], { NATS_URL: `nats://ada:wrong@127.0.0.1:${locked.port}` })).toMatch(
      /^sluice: cannot connect to NATS at .*authorization/i,
    );
  });

  it('a replay file that cannot be read or is malformed, with its line', async () => {
    expect(await refused(['--port', '0', '--replay', path.join(directory, 'none.csv')])).toMatch(
      /^sluice: cannot read .*none\.csv: there is no such file$/,
    );
    expect(await refused(['--port', '0', '--replay', directory])).toMatch(/: it is a directory$/);
    const file = path.join(directory, 'trades.csv');
    await writeFile(
      file,
      'ts_ms,symbol,trade_id,price,size,side\n1,BTCUSDT,1,2,3,buy\n2,BTCUSDT,2,two,3,buy\n',
    );
    expect(await refused(['--port', '0', '--replay', file])).toMatch(
      /^sluice: .*trades\.csv, line 3: price "two" is not a decimal/,
    );
  });

  it.skipIf(process.getuid?.() === 0)('a data directory it may not write to', async () => {
    const closed = path.join(directory, 'closed');
    await writeFile(closed, '');
    await chmod(closed, 0o000);
    expect(await refused(['--data-dir', path.join(closed, 'data')])).toMatch(/^sluice: cannot use /);
  });
});

describe('npm start -- --help', () => {
  it('lists every option and starts nothing', async () => {
    await withDataDir(async (start, dataDir) => {
      const run = start(['--help']);
      expect(await run.exited).toBe(0);
      for (const name of ['--port', '--data-dir', '--reset', '--replay', '--speed', '--no-feed', '--help'])
        expect(run.output).toContain(name);
      expect(await readdir(dataDir)).toEqual([]);
    });
  });
});
