import { spawn, type ChildProcess } from 'node:child_process';
import { until } from '@sluice/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { StackProcesses } from './stack-processes.ts';
import type { ProcessPlan } from './supervised.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function kit() {
  const aborted = new AbortController();
  const said: string[] = [];
  const ended: string[] = [];
  let changes = 0;
  const processes = new StackProcesses({
    view: { say: (name, _level, text) => void said.push(`${name} ${text}`) },
    onChange: () => void (changes += 1),
    signal: aborted.signal,
  });
  const plan = (name: string, rank: number, script: string): ProcessPlan<void> => ({
    name,
    rank,
    signal: 'SIGTERM',
    launch: (onSpawn) =>
      new Promise((resolve, reject) => {
        const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
        children.push(child);
        onSpawn(child);
        child.stdout.once('data', () => resolve());
        child.once('exit', () => {
          ended.push(name);
          reject(new Error('gone'));
        });
      }),
  });
  const stop = (): Promise<void> => {
    aborted.abort();
    return processes.stop();
  };
  return { processes, plan, stop, said, ended, changes: () => changes };
}

const obedient = 'echo ready; exec sleep 600';
const deaf = "trap '' TERM; echo ready; while :; do sleep 1; done";

describe('the processes of a stack', () => {
  it('are those that exist, and end for good when the stack is stopped', async () => {
    const { processes, plan, stop, said, ended, changes } = kit();
    for (const [name, rank] of [
      ['database', 3],
      ['worker', 2],
      ['edge', 1],
    ] as const)
      await processes.supervise(plan(name, rank, obedient)).start();
    expect(processes.running.map(({ name }) => name)).toEqual(['database', 'worker', 'edge']);
    const before = changes();
    expect(before).toBeGreaterThanOrEqual(3);
    await stop();
    await until(() => ended.length === 3);
    expect(children.length).toBe(3);
    expect(processes.running).toEqual([]);
    expect(changes()).toBe(before + 3);
    expect(said).toEqual([]);
  });

  it('are ended as soon as they exist when the stack is being stopped', async () => {
    const { processes, plan, stop, ended } = kit();
    await stop();
    await expect(processes.supervise(plan('late', 0, 'exec sleep 600')).start()).rejects.toThrow('gone');
    expect(ended).toEqual(['late']);
    expect(processes.running).toEqual([]);
  });

  it('are killed, and said to be, when there is no time for their own way out', async () => {
    const { processes, plan, stop, said } = kit();
    await processes.supervise(plan('deaf', 0, deaf)).start();
    processes.hurry();
    await stop();
    expect(said).toEqual(['deaf did not end in time and was killed']);
  });
});
