import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProgram } from '@sluice/testing';

let directory: string;
let program: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-reader-'));
  program = path.join(directory, 'program.ts');
  const logger = path.join(import.meta.dirname, 'logger.ts');
  // Ends in the same turn in which it logs: nobody has told it yet that its reader is gone.
  await writeFile(
    program,
    `import { writeSync } from 'node:fs';
    import { createLogger } from ${JSON.stringify(logger)};
    const logger = createLogger({ service: 's', instance: 'i', level: 'info' });
    const end = () => { logger.info('last words'); process.exit(7); };
    process.on('SIGTERM', end);
    process.stderr.write('up\\n');
    const unread = () => { try { writeSync(1, '\\n'); return false; } catch { return true; } };
    if (process.argv[2] === 'until unread') setInterval(() => unread() && end(), 20);
    else setInterval(() => {}, 1_000);`,
  );
});
afterAll(() => rm(directory, { recursive: true }));

describe('a process whose reader is gone', () => {
  it('ends all the same when its output is a socket', async () => {
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe'] });
    await new Promise((resolve) => child.stderr.once('data', resolve));
    child.stdout.destroy();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(7);
  });

  it('ends all the same when its output is a pipe', async () => {
    const script = '{ "$0" "$1" "until unread"; echo "ended $?" >&2; } | true';
    const shell = startProgram('/bin/sh', ['-c', script, process.execPath, program]);
    await shell.waitForLog((line) => line.msg === 'ended 7');
    await shell.exited;
  });

  it('and one that is read says its last words', async () => {
    const child = startProgram(process.execPath, [program]);
    await child.waitForLog((line) => line.msg === 'up');
    child.signal('SIGTERM');
    expect(await child.exited).toBe(7);
    expect(child.logs.at(-1)?.msg).toBe('last words');
  });
});
