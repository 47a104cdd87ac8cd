import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Credentials, DataDirectory } from './data-dir.ts';
import { freePort, isFree } from './free-port.ts';
import { natsAccounts, natsPasswordVariables } from './nats-accounts.ts';
import { ranks } from './stop-order.ts';
import type { ProcessPlan } from './supervised.ts';

export interface LocalNats {
  readonly plan: ProcessPlan<void>;
  readonly url: string;
}

/** The port every NATS tool tries first. */
const usualPort = 4222;

/** A nats-server with JetStream in the data directory, reachable from this machine only, for the users of a cluster. */
export async function localNats(options: {
  program: string;
  dataDir: DataDirectory;
  credentials: Credentials;
  onLine: (level: 'debug' | 'info' | 'warn' | 'error', text: string) => void;
}): Promise<LocalNats> {
  const { program, dataDir, credentials, onLine } = options;
  const directory = dataDir.file('nats');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const port = (await isFree(usualPort)) ? usualPort : await freePort();
  const file = path.join(directory, 'nats.conf');
  const configured = configuration(port, path.join(directory, 'store'), await natsAccounts());
  await writeFile(file, configured, { mode: 0o600 });
  const variables = natsPasswordVariables(credentials.natsPasswords);
  return {
    url: `nats://127.0.0.1:${port}`,
    plan: {
      name: 'nats',
      rank: ranks.nats,
      signal: 'SIGTERM',
      launch: (onSpawn) => launch(program, file, variables, onSpawn, onLine),
    },
  };
}

function configuration(port: number, store: string, accounts: string): string {
  return [
    '# Written by npm start; changes are lost at the next one.',
    `listen: "127.0.0.1:${port}"`,
    'server_name: sluice-local',
    '# Request bodies travel whole, in an envelope.',
    'max_payload: 8MB',
    '# As in deploy/nats/nats.conf: who hangs is noticed within a minute.',
    'ping_interval: "20s"',
    'ping_max: 2',
    'jetstream {',
    `  store_dir: ${JSON.stringify(store)}`,
    '  max_memory_store: 1GB',
    '  max_file_store: 16GB',
    '}',
    accounts,
  ].join('\n');
}

function launch(
  program: string,
  file: string,
  variables: Readonly<Record<string, string>>,
  onSpawn: (child: ChildProcess) => void,
  onLine: (level: 'debug' | 'info' | 'warn' | 'error', text: string) => void,
): Promise<void> {
  // A session of its own: Ctrl-C at the terminal must not stop it before its users.
  const child = spawn(program, ['-c', file], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...variables },
  });
  if (child.pid !== undefined) onSpawn(child);
  return new Promise((resolve, reject) => {
    let last = 'it said nothing';
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`nats-server did not start: ${last}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      // [123] 2026/01/31 10:00:00.000000 [INF] text
      const match = /\[(DBG|TRC|INF|WRN|ERR|FTL)\] (.*)$/.exec(line);
      last = match?.[2] ?? line;
      onLine(levelOf(match?.[1] ?? 'ERR', last), last);
      if (last.includes('Server is ready')) resolve();
    });
  });
}

/** The password is random, in a file only its owner reads; bcrypt would cost every connection 50 ms. */
const expected = 'Plaintext passwords detected';

/** At the first start a service may look for a stream before its owner has made it; it waits then. */
const othersStream = /Publish Violation - Subject "\$JS\.API\.STREAM\.(?:CREATE|UPDATE)\./;

function levelOf(mark: string, text: string): 'debug' | 'info' | 'warn' | 'error' {
  return text.startsWith(expected) || othersStream.test(text) ? 'debug' : (levels[mark] ?? 'error');
}

const levels: Record<string, 'debug' | 'info' | 'warn' | 'error'> = {
  DBG: 'debug',
  TRC: 'debug',
  INF: 'debug',
  WRN: 'warn',
  ERR: 'error',
  FTL: 'error',
};
