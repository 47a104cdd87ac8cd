import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseApiKey } from '@sluice/policy';
import { DataDirectory } from './data-dir.ts';
import { firstKey } from './first-key.ts';

let dataDir: DataDirectory;
beforeEach(async () => {
  dataDir = new DataDirectory(await mkdtemp(path.join(tmpdir(), 'sluice-key-')));
});
afterEach(() => rm(dataDir.path, { recursive: true, force: true }));

describe('the first key of a local gateway', () => {
  it('is made once, shown once, and readable by its owner only', async () => {
    const first = await firstKey(dataDir, {});
    const file = dataDir.file('admin-key');
    expect(first).toMatchObject({ file, env: { SLUICE_ADMIN_KEY_FILE: file } });
    expect(parseApiKey(first.shown ?? '')).not.toBeNull();
    expect(await readFile(file, 'utf8')).toBe(`${first.shown}\n`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await firstKey(dataDir, {})).toEqual({ ...first, shown: undefined });
  });

  it('is another one after --reset', async () => {
    const first = await firstKey(dataDir, {});
    await dataDir.wipe();
    const second = await firstKey(dataDir, {});
    expect(second.shown).toBeDefined();
    expect(second.shown).not.toBe(first.shown);
  });

  it('is the one that the user has set, if any', async () => {
    const set = { SLUICE_ADMIN_KEY: 'slk_x' };
    expect(await firstKey(dataDir, set)).toEqual({ env: {}, file: undefined, shown: undefined });
    const named = { SLUICE_ADMIN_KEY_FILE: 'key', INIT_CWD: '/home/ada' };
    expect((await firstKey(dataDir, named)).env).toEqual({ SLUICE_ADMIN_KEY_FILE: '/home/ada/key' });
    await expect(stat(dataDir.file('admin-key'))).rejects.toThrow('ENOENT');
  });

  it('that is no key any more ends the start with a sentence', async () => {
    await writeFile(dataDir.file('admin-key'), 'slk_half');
    await expect(firstKey(dataDir, {})).rejects.toThrow(/admin-key holds no API key: remove it/);
  });
});
