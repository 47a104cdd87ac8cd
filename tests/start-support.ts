import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot, until } from '@sluice/testing';

/** `endpoints.json` as the documentation has it. */
export interface Endpoints {
  gateway: string;
  nats: { url: string; user: string | null; password: string | null; pid: number | null };
  database: { url: string; pid: number | null };
  services: { name: string; pid: number; metrics: string }[];
}

/** `npm start` as a user runs it: through npm, in a process group of its own as a terminal gives it. */
export class Started {
  readonly dataDir: string;
  readonly mark: string;
  readonly child: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals>;
  output = '';

  constructor(dataDir: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.dataDir = dataDir;
    // Inherited by everything it starts, so that whatever is left of it can be found.
    this.mark = `sluice-test-${randomUUID()}`;
    this.child = spawn('npm', ['start', '--', '--data-dir', dataDir, '--port', '0', ...args], {
      cwd: projectRoot,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...withoutServers(), SLUICE_TEST_MARK: this.mark, ...env },
    });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on('data', (data: Buffer) => (this.output += data.toString()));
    this.exited = new Promise((resolve) =>
      this.child.once('close', (code, signal) => resolve(code ?? signal ?? 0)),
    );
  }

  /** What a terminal's Ctrl-C does: the whole foreground group gets the signal. */
  interrupt(): void {
    process.kill(-this.child.pid!, 'SIGINT');
  }

  async ready(timeoutMs = 90_000): Promise<Endpoints> {
    let ended: number | NodeJS.Signals | undefined;
    void this.exited.then((how) => (ended = how));
    await until(() => ended !== undefined || this.output.includes('Sluice is ready.'), {
      timeoutMs,
      message: () => `the ready screen; so far:\n${this.output}`,
    });
    if (ended !== undefined) throw new Error(`npm start ended (${ended}):\n${this.output}`);
    return this.endpoints();
  }

  async endpoints(): Promise<Endpoints> {
    return JSON.parse(await readFile(path.join(this.dataDir, 'endpoints.json'), 'utf8')) as Endpoints;
  }

  /** Processes of this run that still exist: by what they inherited, or by a command line that names the data. */
  async remaining(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const [environ, command, status] = await Promise.all(
        ['environ', 'cmdline', 'stat'].map((name) =>
          readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => ''),
        ),
      );
      if (status === '' || / [ZX] /.test(status!.slice(status!.lastIndexOf(')')))) continue;
      if (environ!.includes(this.mark) || command!.includes(`${this.dataDir}/`))
        found.push(`${pid} ${command!.replaceAll('\0', ' ')}`);
    }
    return found;
  }

  /** Waits until nothing of it runs any more. */
  async nothingLeft(timeoutMs = 60_000): Promise<void> {
    let left: string[] = [];
    await until(async () => (left = await this.remaining()).length === 0, {
      timeoutMs,
      everyMs: 100,
      message: () => `nothing left running, but:\n${left.join('\n')}\n${this.output}`,
    });
  }

  /** For the end of a test, whatever happened in it. */
  async clear(): Promise<void> {
    for (const line of await this.remaining())
      try {
        process.kill(Number(line.split(' ')[0]), 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    await this.nothingLeft();
  }
}

/** Runs `use` with a data directory of its own, and leaves neither it nor any process behind. */
export async function withDataDir(
  use: (
    start: (args?: readonly string[], env?: NodeJS.ProcessEnv) => Started,
    dataDir: string,
  ) => Promise<void>,
): Promise<void> {
  // A name that a shell does not take as it stands.
  const dataDir = await mkdtemp(path.join(tmpdir(), "sluice's start-"));
  const runs: Started[] = [];
  try {
    await use((args = [], env = {}) => {
      const run = new Started(dataDir, args, env);
      runs.push(run);
      return run;
    }, dataDir);
  } finally {
    for (const run of runs) await run.clear();
    // As root the cluster lies where PostgreSQL's user can reach it; the data directory only links to it.
    const cluster = await readlink(path.join(dataDir, 'postgres')).catch(() => undefined);
    if (cluster !== undefined) await rm(cluster, { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  }
}

export interface Trade {
  id: string;
  ts: number;
  price: string;
  size: string;
  side: string;
}

/** Every stored trade of a market, by paging through the gateway. */
export async function allTrades(gateway: string, symbol: string): Promise<Trade[]> {
  const trades: Trade[] = [];
  let cursor = '';
  do {
    const answer = await fetch(
      `${gateway}/v1/markets/${symbol}/trades?limit=1000&order=asc${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    if (answer.status === 404) return [];
    if (!answer.ok) throw new Error(`status ${answer.status}: ${await answer.text()}`);
    const page = (await answer.json()) as { data: Trade[]; next: string | null };
    trades.push(...page.data);
    cursor = page.next ?? '';
  } while (cursor !== '');
  return trades;
}

function withoutServers(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(NATS_|DATABASE_URL$|SLUICE_|VITEST|NODE_OPTIONS$)/.test(name),
  );
  return Object.fromEntries(kept);
}
