import { createInterface } from 'node:readline';
import { stopInOrder, type StackProcess } from './stop-order.ts';

/**
 * Outlives the process that started the stack, in case that one is killed: it reads the list of running processes, one
 * JSON array per line, from a pipe that the kernel closes with its other end. An empty list before the end means that
 * the stack was stopped in order and nothing is left to do.
 */
let processes: readonly StackProcess[] = [];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  processes = JSON.parse(line) as StackProcess[];
});
lines.on('close', () => {
  void stopInOrder(processes, { graceMs: 15_000 }).then(() => process.exit(0));
});
