import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheDirectory, cacheProgram } from './cache.ts';
import { isNewEnough, natsServerPath, natsVersion } from './nats-server.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-path-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function fakeServer(folder: string, version: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, 'nats-server');
  await writeFile(file, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(file, 0o755);
  return file;
}

describe('natsServerPath', () => {
  it('takes the one on PATH when it is new enough', async () => {
    const program = await fakeServer(path.join(directory, 'bin'), '2.12.0');
    const env = {
      PATH: `${path.dirname(program)}:/usr/bin:/bin`,
      XDG_CACHE_HOME: path.join(directory, 'cache'),
    };
    expect(await natsServerPath({ env })).toBe(program);
  });

  it('prefers the cached one to an old one on PATH', async () => {
    const old = await fakeServer(path.join(directory, 'bin'), '2.9.24');
    const cached = await fakeServer(path.join(directory, 'cache/sluice/bin'), '2.14.3');
    const env = { PATH: `${path.dirname(old)}:/usr/bin:/bin`, XDG_CACHE_HOME: path.join(directory, 'cache') };
    expect(await natsServerPath({ env })).toBe(cached);
  });

  it('says how to install one where nothing can be fetched, in one sentence', async () => {
    const old = await fakeServer(path.join(directory, 'bin'), '2.9.24');
    // A file where the cache should be: nothing can be put there, whoever runs this.
    await writeFile(path.join(directory, 'cache'), '');
    const env = { PATH: path.dirname(old), XDG_CACHE_HOME: path.join(directory, 'cache') };
    const failure = natsServerPath({ env });
    await expect(failure).rejects.toThrow(
      /^Sluice needs nats-server 2\.12 or newer \(the one on PATH is 2\.9\.24; /,
    );
    await expect(failure).rejects.toThrow(/github\.com\/nats-io\/nats-server\/releases.*NATS_URL/);
  });
});

describe('versions', () => {
  it('are compared as numbers', () => {
    expect(isNewEnough('2.12.0')).toBe(true);
    expect(isNewEnough('2.9.24')).toBe(false);
    expect(isNewEnough('3.0.0-RC.1')).toBe(true);
    expect(isNewEnough(undefined)).toBe(false);
  });

  it('are asked of the program, and another program has none', async () => {
    expect(await natsVersion(await fakeServer(directory, '2.15.1'))).toBe('2.15.1');
    expect(await natsVersion('/bin/true')).toBeUndefined();
    expect(await natsVersion(path.join(directory, 'nothing'))).toBeUndefined();
  });
});

describe('the cache of programs', () => {
  it('follows XDG_CACHE_HOME unless it is relative', () => {
    expect(cacheDirectory({ XDG_CACHE_HOME: '/c' })).toBe('/c/sluice');
    expect(cacheDirectory({ XDG_CACHE_HOME: 'c' })).toMatch(/^\/.*\.cache\/sluice$/);
  });

  it('shows a program whole or not at all when several processes put it there at once', async () => {
    const target = path.join(directory, 'bin/program');
    const make = async (scratch: string): Promise<string> => {
      const made = path.join(scratch, 'made');
      await writeFile(made, 'x'.repeat(1_000_000));
      return made;
    };
    await Promise.all(Array.from({ length: 8 }, () => cacheProgram(target, make)));
    expect(await readdir(path.dirname(target))).toEqual(['program']);
  });

  it('leaves nothing behind when the program could not be made', async () => {
    const target = path.join(directory, 'bin/program');
    await expect(cacheProgram(target, () => Promise.reject(new Error('no network')))).rejects.toThrow(
      'no network',
    );
    expect(await readdir(path.dirname(target))).toEqual([]);
  });
});
