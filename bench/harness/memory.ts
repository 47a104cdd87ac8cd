import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { projectRoot, until } from '@sluice/testing';
import { residentBytes } from './cpu.ts';

export interface Memory {
  /** Bytes the process holds, as the system counts them. */
  readonly resident: number;
  /** Bytes of live objects and their buffers, as V8 counts them. */
  readonly heap: number;
}

/** What a Node process needs so that {@link collectedMemory} can ask it. */
export function memoryHook(directory: string): {
  readonly nodeOptions: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly file: string;
} {
  const file = path.join(directory, `memory-${Math.random().toString(36).slice(2)}.json`);
  const hook = path.join(projectRoot, 'bench/harness/collect-hook.ts');
  return { nodeOptions: ['--expose-gc', `--import=${hook}`], env: { BENCH_MEMORY_FILE: file }, file };
}

/** Memory of a process that was started with {@link memoryHook}, after a full collection. */
export async function collectedMemory(pid: number, file: string): Promise<Memory> {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const usage = await until(
    () => JSON.parse(readFileSync(file, 'utf8')) as { heapUsed: number; external: number },
    { timeoutMs: 20_000, message: 'the process has collected its garbage' },
  );
  return { resident: residentBytes(pid), heap: usage.heapUsed + usage.external };
}
