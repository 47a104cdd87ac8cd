import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../scripts/local/free-port.ts';
import { natsServerPath } from '../../scripts/local/nats-server.ts';
import { endWithProcess } from './children.ts';

/** A real nats-server with JetStream for one test or one file. Port and store stay the same across restarts. */
export interface TestNats {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly storeDir: string;
  /** What the server logged since the first start. */
  readonly log: readonly string[];
  /** Ends it in order and removes its store, unless the caller named the store. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash; the store stays for `restart`. */
  kill(): Promise<void>;
  /** Ends it if it runs, then starts it again on the same port and store. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a server on 127.0.0.1 with JetStream and `max_payload` 8 MB, and resolves when it is ready. `config` is added
 * to its configuration file (accounts, cluster, and so on).
 */
export async function startNatsServer(
  options: {
    port?: number;
    config?: string;
    storeDir?: string;
    /** For variables in the configuration. */
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<TestNats> {
  const program = await natsServerPath();
  const scratch = await mkdtemp(path.join(tmpdir(), 'sluice-nats-'));
  const storeDir = options.storeDir ?? path.join(scratch, 'store');
  const file = path.join(scratch, 'nats.conf');
  const log: string[] = [];
  let port = options.port ?? 0;
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    await writeFile(file, configuration(port, storeDir, options.config ?? ''), { mode: 0o600 });
    child = await launch(program, file, log, options.env ?? {});
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  };

  // Another process can take the port between asking for a free one and listening on it.
  for (let attempt = 1; ; attempt += 1) {
    if (options.port === undefined) port = await freePort();
    try {
      await start();
      break;
    } catch (error) {
      if (options.port !== undefined || attempt === 3) {
        await rm(scratch, { recursive: true, force: true });
        throw error;
      }
    }
  }
  const stop = async (): Promise<void> => {
    await end('SIGTERM');
    await rm(scratch, { recursive: true, force: true });
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    log,
    get pid() {
      return child.pid!;
    },
    stop,
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM');
      await start();
    },
    [Symbol.asyncDispose]: stop,
  };
}

function configuration(port: number, storeDir: string, more: string): string {
  return [
    `listen: "127.0.0.1:${port}"`,
    'max_payload: 8MB',
    `jetstream { store_dir: ${JSON.stringify(storeDir)}, max_memory_store: 1GB, max_file_store: 8GB }`,
    more,
    '',
  ].join('\n');
}

function launch(
  program: string,
  file: string,
  log: string[],
  env: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const child = endWithProcess(
    spawn(program, ['-c', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    }),
    'SIGKILL',
  );
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`nats-server did not start: ${log.slice(-5).join('\n')}`)));
    createInterface({ input: child.stderr! }).on('line', (line) => {
      log.push(line);
      if (line.includes('Server is ready')) resolve(child);
    });
  });
}
