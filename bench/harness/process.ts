import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { nodeProgram, projectRoot, until } from '@sluice/testing';

/** The line with which a process says that it serves: `{"msg":"ready", …}`. */
export type ReadyLine = Readonly<Record<string, unknown>>;

export interface Running {
  readonly name: string;
  readonly pid: number;
  readonly ready: ReadyLine;
  /** SIGTERM, and SIGKILL after ten seconds; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts processes for one run and ends all of them, however the run ends. */
export class Processes {
  readonly #directory: string;
  readonly #profile: boolean;
  readonly #children = new Set<ChildProcess>();
  #count = 0;

  /** `directory` takes the logs; with `profile` every process also leaves a `.cpuprofile` there. */
  constructor(directory: string, options: { profile?: boolean } = {}) {
    this.#directory = directory;
    this.#profile = options.profile ?? false;
    process.once('exit', () => {
      for (const child of this.#children) child.kill('SIGKILL');
    });
  }

  /**
   * Starts `node <entry>` and resolves with its ready line. Its output goes to a file, as a container's does: reading
   * a log line per request here would take the time of the processes that are measured.
   */
  async start(
    name: string,
    entry: string,
    env: Readonly<Record<string, string>> = {},
    nodeOptions: readonly string[] = [],
  ): Promise<Running> {
    const id = `${String(++this.#count).padStart(2, '0')}-${name}`;
    const logFile = path.join(this.#directory, `${id}.log`);
    const log = openSync(logFile, 'w');
    const child = spawn(
      nodeProgram,
      [...nodeOptions, ...this.#profiling(id), path.join(projectRoot, entry)],
      {
        cwd: projectRoot,
        env: { ...process.env, NODE_ENV: 'production', ...env },
        stdio: ['ignore', log, log],
      },
    );
    closeSync(log);
    this.#children.add(child);
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    void exited.then(() => this.#children.delete(child));
    const ready = await until(() => readyLine(logFile, child), {
      timeoutMs: 30_000,
      message: () => `${name} is ready; it said:\n${readFileSync(logFile, 'utf8').slice(-2000)}`,
    });
    return { name, pid: child.pid!, ready, stop: () => end(child, exited) };
  }

  #profiling(id: string): string[] {
    if (!this.#profile) return [];
    const directory = path.join(this.#directory, 'profiles');
    mkdirSync(directory, { recursive: true });
    return ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-name=${id}.cpuprofile`];
  }
}

function readyLine(file: string, child: ChildProcess): ReadyLine | undefined {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.includes('"ready"')) continue;
    const parsed = JSON.parse(line) as ReadyLine;
    if (parsed['msg'] === 'ready') return parsed;
  }
  if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
  return undefined;
}

async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const impatient = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(impatient);
}
