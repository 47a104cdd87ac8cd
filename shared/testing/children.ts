import type { ChildProcess } from 'node:child_process';

const children = new Map<ChildProcess, NodeJS.Signals>();
let hooked = false;

/** Ends a child when this process exits, whatever a test forgot: nothing outlives a test run. */
export function endWithProcess(child: ChildProcess, signal: NodeJS.Signals): ChildProcess {
  if (!hooked) {
    hooked = true;
    process.once('exit', () => {
      for (const [child, signal] of children) child.kill(signal);
    });
    // The default action of these ends a process without its exit event.
    for (const signal of ['SIGTERM', 'SIGHUP'] as const)
      if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
  }
  children.set(child, signal);
  child.once('exit', () => children.delete(child));
  return child;
}
