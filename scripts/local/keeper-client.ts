import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import path from 'node:path';
import { identify, type ProcessIdentity } from './process-identity.ts';
import type { StackProcess } from './stop-order.ts';

/** The near end of the keeper: the process that ends the stack when this one is killed. */
export interface Keeper {
  readonly identity: ProcessIdentity | undefined;
  /** Tells it what runs now. */
  update(processes: readonly StackProcess[]): void;
  /** Nothing runs any more: it ends without doing anything. */
  dismiss(): Promise<void>;
  /** This process may end without having dismissed it. */
  unref(): void;
}

export function startKeeper(): Keeper {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'keeper.ts')], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a keeper everything works but that one thing, and the next start cleans up as well.
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    identity: child.pid === undefined ? undefined : identify(child.pid),
    update: (processes) => {
      if (child.stdin.writable) child.stdin.write(`${JSON.stringify(processes)}\n`);
    },
    dismiss: async () => {
      child.stdin.end('[]\n');
      await gone;
    },
    unref: () => {
      child.unref();
      // A pipe to a child is a socket, whatever its type says.
      (child.stdin as unknown as Socket).unref();
    },
  };
}
