import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { DataDirectory } from './data-dir.ts';
import { commandOf, identify, isRunning, type ProcessIdentity } from './process-identity.ts';
import { ranks, stopInOrder, type StackProcess } from './stop-order.ts';

/** What a running stack writes to `processes.json`. */
export interface ProcessList {
  readonly keeper: ProcessIdentity | undefined;
  readonly processes: readonly StackProcess[];
}

/** What a keeper gets to finish its work, milliseconds: its own limits for every rank, which are rarely needed. */
const keeperMs = 30_000;

/**
 * Ends what a killed run left behind: its keeper may still be at it and gets time to finish, the rest is ended in
 * order. Only processes that are proven to be of that run are touched. Answers how many there were.
 */
export async function endLeftovers(dataDir: DataDirectory, say: (line: string) => void): Promise<number> {
  const list = await dataDir.readJson<ProcessList>('processes.json');
  const processes = (list?.processes ?? []).filter(isRunning);
  const { keeper } = list ?? {};
  if (processes.length > 0) {
    say(`the last run was killed: ending ${processes.map((process) => process.name).join(', ')}`);
    if (keeper) await gone(keeper, keeperMs);
    await stopInOrder(processes, { graceMs: 10_000 });
  }
  if (keeper && isRunning(keeper)) process.kill(keeper.pid, 'SIGKILL');
  return processes.length;
}

/**
 * PostgreSQL leaves `postmaster.pid` when it is killed and, at the next start, takes any process of that number for
 * itself. A server that really runs on this cluster is ended; a file that names a stranger is removed.
 */
export async function clearPostmaster(cluster: string): Promise<void> {
  const file = path.join(cluster, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => '');
  const identity = identify(Number(text.split('\n')[0]));
  if (identity === undefined) return;
  if (commandOf(identity.pid).includes(cluster))
    await stopInOrder([{ ...identity, name: 'postgres', rank: ranks.database, signal: 'SIGINT' }], {
      graceMs: 15_000,
    });
  else await rm(file, { force: true });
}

async function gone(identity: ProcessIdentity, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (isRunning(identity) && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 50));
}
