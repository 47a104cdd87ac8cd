import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Endpoints } from './local/endpoints.ts';
import { adminKeyFile } from './local/first-key.ts';
import { UserError } from './local/user-error.ts';

/**
 * Runs a program against the stack that `npm start` runs on this machine:
 * `npm run with-stack -- [--data-dir DIR] PROGRAM [ARGUMENT...]`. The program gets SLUICE_URL, NATS_URL, NATS_USER,
 * NATS_PASSWORD, DATABASE_URL, and SLUICE_GATEWAY_URL and SLUICE_ADMIN_KEY_FILE for the command line; its exit code is
 * passed on.
 */
const project = path.resolve(import.meta.dirname, '..');
const base = (process.env['npm_lifecycle_event'] === undefined ? undefined : process.env['INIT_CWD']) ?? '.';

try {
  const { dataDir, program, args } = commandLine(process.argv.slice(2));
  const { gateway, nats, database } = readEndpoints(dataDir);
  const child = spawn(program, args, {
    cwd: base,
    stdio: 'inherit',
    env: {
      ...process.env,
      SLUICE_URL: gateway,
      SLUICE_GATEWAY_URL: gateway,
      SLUICE_ADMIN_KEY_FILE: process.env['SLUICE_ADMIN_KEY_FILE'] ?? path.join(dataDir, adminKeyFile),
      NATS_URL: nats.url,
      NATS_USER: nats.user ?? '',
      NATS_PASSWORD: nats.password ?? '',
      DATABASE_URL: database.url,
    },
  });
  // The terminal sends its signals to the program as well; this one waits for it and passes on what is sent to it alone.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.once('error', (error) => fail(new UserError(`cannot run ${program}: ${error.message}`)));
  child.once('exit', (code, signal) => process.exit(signal === null ? (code ?? 0) : 1));
} catch (error) {
  fail(error);
}

function commandLine(words: string[]): { dataDir: string; program: string; args: string[] } {
  let dataDir = path.join(project, '.sluice');
  if (words[0] === '--data-dir') {
    dataDir = path.resolve(base, words[1] ?? '');
    words = words.slice(2);
  }
  const [program, ...args] = words;
  if (program === undefined)
    throw new UserError('usage: npm run with-stack -- [--data-dir DIR] PROGRAM [ARGUMENT...]');
  return { dataDir, program, args };
}

function readEndpoints(dataDir: string): Endpoints {
  try {
    return JSON.parse(readFileSync(path.join(dataDir, 'endpoints.json'), 'utf8')) as Endpoints;
  } catch {
    throw new UserError(`no stack runs on ${dataDir}: start one with npm start`);
  }
}

function fail(error: unknown): void {
  process.stderr.write(`sluice: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
