import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.ts';
import type { PostgresPrograms } from './postgres-programs.ts';
import type { RunAs } from './postgres-user.ts';

/** A cluster on disk and what is needed to run it. */
export interface PostgresCluster {
  readonly directory: string;
  readonly programs: PostgresPrograms;
  readonly user: RunAs;
}

export interface RunningPostgres {
  readonly pid: number;
  readonly port: number;
  readonly child: ChildProcess;
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  stop(): Promise<void>;
}

/** The database every embedded cluster has, and the role that owns it. */
export const embeddedDatabase = 'sluice';
export const embeddedRole = 'sluice';

/**
 * Makes a new cluster with a role and a database named `sluice`. A directory that holds half a cluster (a first start
 * that was killed) is made anew: the file that marks it as whole is written last.
 */
export async function createCluster(
  cluster: PostgresCluster,
  password: string,
  signal?: AbortSignal,
): Promise<void> {
  const { directory, programs, user } = cluster;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await own(directory, user);
  const scratch = await mkdtemp(path.join(tmpdir(), 'sluice-initdb-'));
  try {
    const passwordFile = path.join(scratch, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    await own(scratch, user);
    await own(passwordFile, user);
    await runToEnd(programs.initdb, { user, signal }, [
      `--pgdata=${directory}`,
      `--username=${embeddedRole}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
      '--no-sync',
    ]);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  await runToEnd(
    programs.postgres,
    { user, signal },
    ['--single', '-D', directory, 'postgres'],
    `CREATE DATABASE ${embeddedDatabase} OWNER ${embeddedRole};\n`,
  );
  const mark = path.join(directory, wholeMark);
  await writeFile(mark, '');
  await own(mark, user);
}

const wholeMark = 'sluice.complete';

export function clusterExists(directory: string): boolean {
  return existsSync(path.join(directory, wholeMark));
}

/**
 * Starts the server on 127.0.0.1 and resolves when it accepts connections. `settings` are postgresql.conf settings,
 * `onLine` gets its log. Rejects with the server's last words.
 */
export async function startPostgresServer(
  cluster: PostgresCluster,
  options: {
    port?: number;
    settings?: Record<string, string>;
    onLine?: (line: string) => void;
    onSpawn?: (child: ChildProcess) => void;
  } = {},
): Promise<RunningPostgres> {
  const port = options.port ?? (await freePort());
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    jit: 'off',
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(cluster.programs.postgres, ['-D', cluster.directory, '-p', String(port), ...flags], {
    ...cluster.user,
    // A session of its own, so that Ctrl-C at the terminal does not stop the database before its users.
    detached: true,
    cwd: '/',
    env: quietEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (child.pid !== undefined) options.onSpawn?.(child);
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`PostgreSQL did not start: ${lastWords(lines)}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (lines.push(line) > 20) lines.shift();
      options.onLine?.(line);
      if (line.includes('database system is ready to accept connections')) resolve();
    });
  });
  return { pid: child.pid!, port, child, stop: () => stopServer(child) };
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGINT');
  const impatient = setTimeout(() => child.kill('SIGQUIT'), 20_000);
  await gone;
  clearTimeout(impatient);
}

async function own(file: string, user: RunAs): Promise<void> {
  if (user.uid !== undefined && user.gid !== undefined) await chown(file, user.uid, user.gid);
}

/** No PG* variables of the caller and no locale that might not exist here. */
function quietEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}

function runToEnd(
  program: string,
  options: { user: RunAs; signal: AbortSignal | undefined },
  args: string[],
  input = '',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...options.user,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      cwd: '/',
      env: quietEnvironment(),
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    const lines: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${path.basename(program)} failed: ${lastWords(lines)}`)),
    );
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** The line that names the fault, without PostgreSQL's time stamp; the last line where none does. */
function lastWords(lines: readonly string[]): string {
  const fault =
    lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1) ?? 'it said nothing';
  return fault.replace(/^.*?(FATAL|PANIC|error):\s*/, '');
}
