import type { ChildProcess } from 'node:child_process';
import { startKeeper, type Keeper } from '../../scripts/local/keeper-client.ts';
import { identify } from '../../scripts/local/process-identity.ts';
import type { StackProcess } from '../../scripts/local/stop-order.ts';

const children = new Map<ChildProcess, StackProcess | undefined>();
let keeper: Keeper | undefined;

/**
 * Ends a child when this process ends, whatever a test forgot and however this process is ended: by its exit event, and
 * by the keeper when it is killed.
 */
export function endWithProcess(child: ChildProcess, signal: NodeJS.Signals): ChildProcess {
  keeper ??= startKeeperOnce();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  children.set(child, identity && { ...identity, name: child.spawnfile, rank: 0, signal });
  tell();
  child.once('exit', () => {
    children.delete(child);
    tell();
  });
  return child;
}

function startKeeperOnce(): Keeper {
  process.once('exit', () => {
    for (const [child, entry] of children) child.kill(entry?.signal ?? 'SIGKILL');
  });
  const started = startKeeper();
  started.unref();
  return started;
}

function tell(): void {
  keeper?.update([...children.values()].filter((entry) => entry !== undefined));
}
