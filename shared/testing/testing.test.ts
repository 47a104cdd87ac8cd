import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { identify } from '../../scripts/local/process-identity.ts';
import { createDatabase, startNatsServer, startPostgres, startProgram, startProxy, until } from './mod.ts';

describe('startNatsServer', () => {
  it('keeps port and store over a crash, and leaves nothing behind when stopped', async () => {
    const nats = await startNatsServer();
    const first = nats.pid;
    expect(await greeting(nats.port)).toMatchObject({ jetstream: true, max_payload: 8 * 1024 * 1024 });
    await nats.kill();
    await expect(greeting(nats.port)).rejects.toThrow(/ECONNREFUSED/);
    await nats.restart();
    expect(nats.pid).not.toBe(first);
    expect(await greeting(nats.port)).toMatchObject({ jetstream: true });
    await nats.stop();
    expect(existsSync(nats.storeDir)).toBe(false);
  });

  it('says why a server with a broken configuration did not start', async () => {
    await expect(startNatsServer({ config: 'max_payload: nonsense' })).rejects.toThrow(/did not start/);
  });
});

describe('startProxy', () => {
  it('cuts what is connected, takes nothing while it is broken, and leads elsewhere when mended', async () => {
    await using one = await startNatsServer();
    await using two = await startNatsServer();
    await using proxy = await startProxy(one.url);
    const ended = async (): Promise<() => boolean> => {
      let over = false;
      const socket = connect(proxy.port, '127.0.0.1').on('error', () => {});
      socket.on('close', () => (over = true));
      await new Promise((resolve) => socket.once('data', resolve));
      return () => over;
    };
    const first = await ended();
    proxy.cut();
    await until(first);
    expect(await greeting(proxy.port)).toMatchObject({ port: one.port });
    const second = await ended();
    proxy.break();
    await until(second);
    await expect(greeting(proxy.port)).rejects.toThrow(/closed|ECONNRESET/);
    proxy.mend(two.url);
    expect(await greeting(proxy.port)).toMatchObject({ port: two.port });
  });
});

describe('startPostgres', () => {
  it('serves separate databases and keeps them over an outage', async () => {
    await using postgres = await startPostgres();
    const url = await postgres.createDatabase();
    await postgres.query('CREATE TABLE kept (n int)', [], url);
    await postgres.query('INSERT INTO kept VALUES (7)', [], url);
    await expect(postgres.query('SELECT n FROM kept')).rejects.toThrow(/does not exist/);
    await postgres.pause();
    await expect(postgres.query('SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
    await postgres.restart();
    expect(await postgres.query('SELECT n FROM kept', [], url)).toEqual([{ n: 7 }]);
  });

  it('gives every caller of createDatabase a database of its own', async () => {
    expect(await createDatabase()).not.toBe(await createDatabase());
  });
});

describe('startProgram', () => {
  it('finds lines said before and after asking, and says what was logged when the process ends', async () => {
    const program = startProgram('/bin/sh', [
      '-c',
      'echo first; echo \'{"msg":"second","n":2}\'; read x; echo "got $x"; exit 3',
    ]);
    await program.waitForLog((line) => line.msg === 'first');
    expect((await program.waitForLog((line) => line.msg === 'second'))['n']).toBe(2);
    const answer = program.waitForLog((line) => line.msg === 'got tea');
    program.write('tea\n');
    await answer;
    expect(await program.exited).toBe(3);
    await expect(program.waitForLog((line) => line.msg === 'never')).rejects.toThrow(
      /ended \(3\)[^]*got tea/,
    );
  });
});

describe('what a test process started', () => {
  it('ends with it, also when it is killed', async () => {
    const mod = path.join(import.meta.dirname, 'mod.ts');
    const script = `import { startNatsServer } from ${JSON.stringify(mod)};
      console.log(JSON.stringify({ msg: 'up', pid: (await startNatsServer()).pid }));`;
    const tester = startProgram(process.execPath, ['--input-type=module', '-e', script]);
    const { pid } = await tester.waitForLog((line) => line.msg === 'up');
    expect(identify(Number(pid))).toBeDefined();
    await tester.kill();
    await until(() => identify(Number(pid)) === undefined, { message: 'the server is gone' });
  });
});

describe('until', () => {
  it('names what it waited for and keeps the last error', async () => {
    const waiting = until(
      () => {
        throw new Error('still closed');
      },
      { timeoutMs: 50, message: 'the door opens' },
    );
    await expect(waiting).rejects.toMatchObject({
      message: 'after 50 ms still not: the door opens',
      cause: { message: 'still closed' },
    });
  });
});

/** The INFO line that a NATS server sends first. */
function greeting(port: number): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without a word')));
    socket.once('data', (data: Buffer) => {
      socket.destroy();
      resolve(JSON.parse(data.toString().slice('INFO '.length)) as Record<string, unknown>);
    });
  });
}
