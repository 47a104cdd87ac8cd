import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readSecret } from './mod.ts';

test('a secret is read from the environment or a file, without the newline at its end', async () => {
  expect(await readSecret({ env: 'A' }, { A: 'hush' })).toBe('hush');
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-secret-'));
  try {
    const file = path.join(folder, 'secret');
    await writeFile(file, ' hush\n\n');
    expect(await readSecret({ file })).toBe(' hush\n');
    await writeFile(file, '\r\n');
    await expect(readSecret({ file })).rejects.toThrow(`secret file ${file} is empty`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('one that is not there is named, by where it should be', async () => {
  await expect(readSecret({ env: 'A' }, {})).rejects.toThrow('environment variable A is not set');
  await expect(readSecret({ env: 'A' }, { A: '' })).rejects.toThrow('environment variable A is empty');
  await expect(readSecret({ file: '/nowhere/at/all' })).rejects.toThrow(
    'secret file /nowhere/at/all cannot be read (ENOENT)',
  );
});
