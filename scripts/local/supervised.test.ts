import { spawn, type ChildProcess } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '@sluice/testing';
import { Supervised, type ProcessPlan } from './supervised.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});

function plan(script: () => string, more: Partial<ProcessPlan<string>> = {}): ProcessPlan<string> {
  return {
    name: 'worker',
    rank: 0,
    signal: 'SIGTERM',
    launch: (onSpawn) =>
      new Promise((resolve, reject) => {
        const child = spawn('/bin/sh', ['-c', script()]);
        children.push(child);
        onSpawn(child);
        child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim()));
        child.once('exit', (code) => reject(new Error(`exit code ${code}`)));
      }),
    ...more,
  };
}

function hooks() {
  const said: string[] = [];
  let changes = 0;
  return {
    said,
    changes: () => changes,
    changed: () => void (changes += 1),
    say: (name: string, _level: string, text: string) => void said.push(`${name} ${text}`),
  };
}

describe('a supervised process', () => {
  it('is started again after a crash, and says so', async () => {
    const told = hooks();
    const worker = new Supervised(
      plan(() => 'echo ready; exec sleep 600'),
      told,
    );
    expect(await worker.start()).toBe('ready');
    const first = worker.process!.pid;
    process.kill(first, 'SIGKILL');
    await until(
      () => worker.process !== undefined && worker.process.pid !== first && worker.ready === 'ready',
    );
    expect(told.said).toEqual([
      'worker ended by itself (SIGKILL); starting it again in 0.5 s',
      'worker runs again',
    ]);
    worker.expectEnd();
  });

  it('waits longer after each failure', async () => {
    let starts = 0;
    const told = hooks();
    const script = (): string => ((starts += 1) === 1 ? 'echo ready; sleep 0.05; exit 7' : 'exit 8');
    const worker = new Supervised(plan(script), told);
    await worker.start();
    await until(() => told.said.length === 3);
    expect(told.said).toEqual([
      'worker ended by itself (exit code 7); starting it again in 0.5 s',
      'worker did not start: exit code 8; starting it again in 1 s',
      'worker did not start: exit code 8; starting it again in 2 s',
    ]);
    worker.expectEnd();
  });

  it('is not started again when its end was expected, or its work is done', async () => {
    const told = hooks();
    const worker = new Supervised(
      plan(() => 'echo ready; exec sleep 600'),
      told,
    );
    await worker.start();
    worker.expectEnd();
    process.kill(worker.process!.pid, 'SIGKILL');
    await until(() => worker.process === undefined);
    const job = new Supervised(
      plan(() => 'echo ready; sleep 0.05', { finishes: true }),
      told,
    );
    await job.start();
    await until(() => job.process === undefined);
    expect(told.said).toEqual([]);
  });

  it('that fails its first start is not tried again', async () => {
    const told = hooks();
    const worker = new Supervised(
      plan(() => 'exit 5'),
      told,
    );
    await expect(worker.start()).rejects.toThrow('exit code 5');
    expect(told.said).toEqual([]);
  });
});
