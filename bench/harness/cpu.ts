import { readdirSync, readFileSync } from 'node:fs';

/** A process whose time counts, under the name the tables show. */
export interface Measured {
  readonly name: string;
  readonly pid: number;
}

/**
 * CPU time of a process so far, microseconds, over all of its threads. `schedstat` counts nanoseconds, where the ticks
 * of `/proc/<pid>/stat` are ten milliseconds; it is per thread, and neither Node nor nats-server ends threads under load.
 */
export function cpuMicros(pid: number): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0]);
    } catch {
      // The thread ended between the listing and the reading.
    }
  }
  return nanos / 1000;
}

/** Resident set of a process, bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  if (!line) throw new Error(`process ${pid} has no resident set`);
  return Number(line[1]) * 1024;
}

/** The process and everything it started, by pid: a database server is one process per connection. */
export function processTree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return [
    pid,
    ...(children === '' ? [] : children.split(' ').flatMap((child) => processTree(Number(child)))),
  ];
}

/** Microseconds each process spends from now until the returned function is called. */
export function startCpuClock(processes: readonly Measured[]): () => Record<string, number> {
  const before = processes.map(({ pid }) => cpuMicros(pid));
  return () => Object.fromEntries(processes.map(({ name, pid }, i) => [name, cpuMicros(pid) - before[i]!]));
}
