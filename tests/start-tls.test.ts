import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { projectRoot, startProgram } from '@sluice/testing';
import { canMakeCertificates } from './support/certificates.ts';
import { withDataDir } from './start-support.ts';

/** The first command of `docs/tls.md` that looks like this, as its readers copy it. */
async function documented(pattern: RegExp): Promise<string> {
  const page = await readFile(path.join(projectRoot, 'docs/tls.md'), 'utf8');
  const [command] = pattern.exec(page) ?? [];
  if (command === undefined) throw new Error(`docs/tls.md has no ${String(pattern)}`);
  return command;
}

it.skipIf(!canMakeCertificates)(
  'npm start with the certificate of docs/tls.md: everything gets on with it',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'sluice-start-tls-'));
    try {
      await promisify(execFile)('/bin/bash', ['-c', await documented(/openssl req -x509 (?:.*\\\n)*.*/)], {
        cwd: folder,
      });
      const certificate = path.join(folder, 'edge.crt');
      await withDataDir(async (start) => {
        const run = start([], {
          SLUICE_EDGE_TLS_CERT: path.relative(projectRoot, certificate),
          SLUICE_EDGE_TLS_KEY: path.join(folder, 'edge.key'),
        });
        const { gateway } = await run.ready();
        expect(gateway).toMatch(/^https:\/\/localhost:\d+$/);
        expect(run.output).not.toContain('does not answer');
        expect(run.output).not.toContain('no trade has arrived');

        const chart = /Live chart +(http:\S+)/.exec(run.output)?.[1];
        expect((await fetch(`${chart}/v1/markets`)).status).toBe(200);

        // What the screen says to try: REST with whatever is installed, the WebSocket with Node.
        const [, rest = '', socket = ''] =
          /1\. REST.*\n +(.*)\n\n +2\. WebSocket.*\n +(.*)\n/.exec(run.output) ?? [];
        const asked = startProgram('/bin/bash', ['-c', rest]);
        expect(await asked.exited).toBe(0);
        expect(asked.logs.find((line) => 'symbol' in line)).toMatchObject({ symbol: 'BTCUSDT' });
        await using live = startProgram('/bin/bash', ['-c', `exec env ${socket}`]);
        await live.waitForLog((line) => line['ok'] === true);
        await live.kill();
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
