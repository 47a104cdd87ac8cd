import { isRunning, type ProcessIdentity } from './process-identity.ts';

/** A process of the stack and how it is ended. Lower ranks are ended first, and gone before the next rank is asked. */
export interface StackProcess extends ProcessIdentity {
  readonly name: string;
  readonly rank: number;
  readonly signal: NodeJS.Signals;
}

/** What stops before what: nobody loses the server that he still needs to finish. */
export const ranks = { feed: 0, page: 0, edge: 1, worker: 2, database: 3, nats: 4 } as const;

export interface StopOptions {
  /** How long one rank gets before it is killed, milliseconds. */
  readonly graceMs: number;
  /** Told of each process that had to be killed. */
  readonly onKilled?: (process: StackProcess) => void;
  /** Answers true to end everything at once from now on. */
  readonly hurried?: () => boolean;
}

/** Ends the processes rank by rank: by their own signal, and by SIGKILL when the grace is over. */
export async function stopInOrder(processes: readonly StackProcess[], options: StopOptions): Promise<void> {
  const order = [...new Set(processes.map((process) => process.rank))].sort((a, b) => a - b);
  for (const rank of order)
    await stopRank(
      processes.filter((process) => process.rank === rank),
      options,
    );
}

async function stopRank(processes: readonly StackProcess[], options: StopOptions): Promise<void> {
  for (const process of processes) send(process, process.signal);
  const deadline = performance.now() + options.graceMs;
  for (;;) {
    const left = processes.filter(isRunning);
    if (left.length === 0) return;
    if (performance.now() > deadline || options.hurried?.() === true) {
      for (const process of left) {
        send(process, 'SIGKILL');
        options.onKilled?.(process);
      }
      await allGone(left);
      return;
    }
    await pause(25);
  }
}

/** After SIGKILL it is the kernel's turn; a process stuck in a device is not waited for longer than this. */
async function allGone(processes: readonly ProcessIdentity[]): Promise<void> {
  for (let waited = 0; waited < 5_000 && processes.some(isRunning); waited += 25) await pause(25);
}

function send(target: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(target)) return;
  try {
    process.kill(target.pid, signal);
  } catch {
    // It ended between the two calls.
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
