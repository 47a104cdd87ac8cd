import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { identify, isRunning } from './process-identity.ts';
import { stopInOrder, type StackProcess } from './stop-order.ts';

/** A shell that says `up`, and on its signal `down` after a while, or nothing at all. */
async function start(name: string, rank: number, ending: string, said: string[]): Promise<StackProcess> {
  const child: ChildProcess = spawn('/bin/sh', [
    '-c',
    `trap '${ending}' TERM; echo up; while :; do sleep 0.02; done`,
  ]);
  const lines = createInterface({ input: child.stdout! });
  lines.on('line', (line) => said.push(`${name} ${line}`));
  await once(lines, 'line');
  child.once('exit', () => said.push(`${name} gone`));
  return { ...identify(child.pid!)!, name, rank, signal: 'SIGTERM' };
}

describe('stopInOrder', () => {
  it('asks the next rank only when the one before is gone', async () => {
    const said: string[] = [];
    const processes = [
      await start('server', 2, 'exit 0', said),
      await start('slow', 1, 'sleep 0.3; echo down; exit 0', said),
      await start('feed', 0, 'exit 0', said),
    ];
    await stopInOrder(processes, { graceMs: 10_000 });
    expect(processes.some(isRunning)).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(said.filter((line) => /gone|down/.test(line))).toEqual([
      'feed gone',
      'slow down',
      'slow gone',
      'server gone',
    ]);
  });

  it('kills what does not end in its time and says so', async () => {
    const stubborn = await start('stubborn', 0, ':', []);
    const killed: string[] = [];
    await stopInOrder([stubborn], { graceMs: 200, onKilled: ({ name }) => killed.push(name) });
    expect(isRunning(stubborn)).toBe(false);
    expect(killed).toEqual(['stubborn']);
  });

  it('is hurried by a second request', async () => {
    const stubborn = await start('stubborn', 0, ':', []);
    let hurried = false;
    const stopping = stopInOrder([stubborn], { graceMs: 600_000, hurried: () => hurried });
    hurried = true;
    await stopping;
    expect(isRunning(stubborn)).toBe(false);
  });

  it('never signals a stranger who got the number of a process that ended', async () => {
    const stranger = await start('stranger', 0, 'exit 0', []);
    await stopInOrder([{ ...stranger, started: 'earlier' }], { graceMs: 1_000 });
    expect(isRunning(stranger)).toBe(true);
    await stopInOrder([stranger], { graceMs: 10_000 });
  });
});
