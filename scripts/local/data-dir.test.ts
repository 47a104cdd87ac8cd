import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectory } from './data-dir.ts';
import { identify, isRunning } from './process-identity.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-data-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('a data directory', () => {
  it('is one stack at a time', async () => {
    const first = new DataDirectory(directory);
    await first.open();
    await expect(new DataDirectory(directory).open()).rejects.toThrow(
      `another Sluice (process ${process.pid}) runs on ${directory}: stop it, or give this one its own --data-dir`,
    );
    await first.close();
    await new DataDirectory(directory).open();
  });

  it('is taken over from a process that is gone, also when its number is used again', async () => {
    const child = spawn('/bin/sleep', ['60']);
    const identity = identify(child.pid!);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await writeFile(path.join(directory, 'lock'), JSON.stringify(identity));
    await new DataDirectory(directory).open();
    await writeFile(
      path.join(directory, 'lock'),
      JSON.stringify({ pid: process.pid, started: 'another time' }),
    );
    await new DataDirectory(directory).open();
  });

  it('is given to one of several starts that find a stale lock', async () => {
    await writeFile(path.join(directory, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, started: 'never' }));
    const starts = Array.from({ length: 8 }, () => new DataDirectory(directory).open());
    const results = await Promise.allSettled(starts);
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  it('that cannot be made is one sentence', async () => {
    await writeFile(path.join(directory, 'file'), '');
    await expect(new DataDirectory(path.join(directory, 'file/below')).open()).rejects.toThrow(
      /^cannot use .*file\/below for the data: /,
    );
  });

  it('keeps its secrets readable by their owner only, and the same over starts', async () => {
    const data = new DataDirectory(directory);
    const made = await data.credentials();
    expect(await data.credentials()).toEqual(made);
    expect(made.natsPasswords['edge']?.length).toBeGreaterThan(20);
    expect((await stat(data.file('credentials.json'))).mode & 0o777).toBe(0o600);
  });

  it('is wiped of what stacks put there and of nothing else', async () => {
    const data = new DataDirectory(directory);
    await data.open();
    await data.credentials();
    await mkdir(data.file('nats'));
    await writeFile(data.file('notes.txt'), 'mine');
    const elsewhere = await mkdtemp(path.join(tmpdir(), 'sluice-elsewhere-'));
    await writeFile(path.join(elsewhere, 'kept'), '');
    await symlink(elsewhere, data.file('postgres'));
    await data.wipe();
    expect((await readdir(directory)).sort()).toEqual(['lock', 'notes.txt']);
    expect(await readdir(elsewhere)).toEqual(['kept']);
    await rm(elsewhere, { recursive: true });
  });

  it.each(['postgres', 'nats'])(
    'is refused, and nothing in it touched, where %s is somebody else’s',
    async (name) => {
      const theirs = path.join(directory, name);
      await mkdir(theirs);
      await new DataDirectory(directory).open();
      await rm(path.join(directory, 'lock'));
      await writeFile(path.join(theirs, 'kept'), '');
      await expect(new DataDirectory(directory).open()).rejects.toThrow(
        `${theirs} is not from Sluice, which keeps its own there: give it another --data-dir, or move that away`,
      );
      expect(await readdir(directory)).toEqual([name]);
      expect(await readdir(theirs)).toEqual(['kept']);
    },
  );

  it('is refused where credentials.json is somebody else’s', async () => {
    await writeFile(path.join(directory, 'credentials.json'), '{"type":"service_account"}');
    await expect(new DataDirectory(directory).open()).rejects.toThrow('credentials.json is not from Sluice');
  });
});

describe('a process identity', () => {
  it('is that of this process and no longer that of one that ended', async () => {
    expect(isRunning(identify(process.pid)!)).toBe(true);
    const child = spawn('/bin/sleep', ['60']);
    const identity = identify(child.pid!)!;
    expect(isRunning(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isRunning(identity)).toBe(false);
    expect(identify(0)).toBeUndefined();
    expect(identify(Number('nonsense'))).toBeUndefined();
  });
});
