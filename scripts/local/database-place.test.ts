import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { databasePlace, removeDatabase } from './database-place.ts';

/** Nobody's numbers: users need no name to own files. */
const alice = 52_341;
const system = { uid: 52_342, gid: 52_342 };

let home: string;
let dataDir: string;
let place: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'sluice-home-'));
  dataDir = path.join(home, '.sluice');
  place = path.join(dataDir, 'postgres');
  await mkdir(dataDir);
});
afterEach(async () => {
  await removeDatabase(dataDir);
  await rm(home, { recursive: true });
});

async function makeCluster(owner: number): Promise<void> {
  await mkdir(place);
  await writeFile(path.join(place, 'sluice.complete'), '');
  for (const file of [home, dataDir, place]) await chown(file, owner, owner);
}

describe.skipIf(process.getuid?.() !== 0)('where root keeps a cluster', () => {
  it('is the data directory where the system user can come there', async () => {
    await chmod(home, 0o755);
    expect(await databasePlace(dataDir, system)).toBe(place);
  });

  it('is elsewhere, with a link, where the system user cannot', async () => {
    const elsewhere = await databasePlace(dataDir, system);
    expect(elsewhere).not.toBe(place);
    expect(await databasePlace(dataDir, system)).toBe(elsewhere);
  });

  it('is where another user’s cluster lies already, which is left as it is', async () => {
    await makeCluster(alice);
    await chmod(home, 0o750);
    expect(await databasePlace(dataDir, system)).toBe(place);
    expect(await readdir(place)).toEqual(['sluice.complete']);
  });

  it('is nowhere, and nothing is deleted, where the owner of the cluster cannot come to it any more', async () => {
    await makeCluster(alice);
    await chown(home, 0, 0);
    await chmod(home, 0o700);
    await expect(databasePlace(dataDir, system)).rejects.toThrow(
      /runs as the user who owns .*postgres, and that user/,
    );
    expect(await readdir(place)).toEqual(['sluice.complete']);
  });
});
