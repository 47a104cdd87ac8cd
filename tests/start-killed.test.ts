import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '@sluice/testing';
import { withDataDir, type Started } from './start-support.ts';

interface ProcessList {
  keeper: { pid: number };
  processes: { name: string; pid: number }[];
}

async function processesOf(run: Started): Promise<ProcessList> {
  return JSON.parse(await readFile(path.join(run.dataDir, 'processes.json'), 'utf8')) as ProcessList;
}

/** The process that npm started: the one that holds the lock. */
async function starterOf(run: Started): Promise<number> {
  return (JSON.parse(await readFile(path.join(run.dataDir, 'lock'), 'utf8')) as { pid: number }).pid;
}

describe('a start that is killed', () => {
  it('leaves nothing running, and the next start finds the data whole', async () => {
    await withDataDir(async (start) => {
      const first = start();
      await first.ready();
      process.kill(await starterOf(first), 'SIGKILL');
      await first.nothingLeft();
      const second = start(['--no-feed']);
      const { gateway } = await second.ready();
      const answer = (await (await fetch(`${gateway}/v1/markets/BTCUSDT`)).json()) as { trades: number };
      expect(answer.trades).toBeGreaterThan(0);
      second.interrupt();
      await second.nothingLeft();
    });
  });

  it('is recovered by the next start when nobody was left to clean up', async () => {
    await withDataDir(async (start) => {
      const first = start(['--no-feed']);
      await first.ready();
      const { keeper, processes } = await processesOf(first);
      process.kill(keeper.pid, 'SIGKILL');
      process.kill(await starterOf(first), 'SIGKILL');
      await until(async () => (await first.remaining()).every((line) => !line.includes('scripts/start.ts')));
      const left = await first.remaining();
      for (const { name, pid } of processes)
        expect(
          left.some((line) => line.startsWith(`${pid} `)),
          name,
        ).toBe(true);

      const second = start(['--no-feed']);
      const { gateway } = await second.ready();
      expect(second.output).toMatch(/the last run was killed: ending .*postgres/);
      expect((await fetch(`${gateway}/v1/markets`)).status).toBe(200);
      expect(await first.remaining().then((lines) => lines.filter((line) => isOf(line, processes)))).toEqual(
        [],
      );
      second.interrupt();
      await second.nothingLeft();
    });
  });

  it('by the death of npm stops in order', async () => {
    await withDataDir(async (start) => {
      const run = start(['--no-feed']);
      await run.ready();
      run.child.kill('SIGKILL');
      await run.nothingLeft();
      await expect(run.endpoints()).rejects.toThrow(/ENOENT/);
    });
  });
});

describe('Ctrl-C', () => {
  it('while everything still starts stops what is there', async () => {
    await withDataDir(async (start) => {
      const run = start(['--no-feed']);
      await until(() => / starting \w+, /.test(run.output), { timeoutMs: 60_000 });
      run.interrupt();
      await run.exited;
      await run.nothingLeft();
      expect(run.output).not.toMatch(/\n\s+at /);
      const again = start(['--no-feed']);
      await again.ready();
      again.interrupt();
      await again.nothingLeft();
    });
  });

  it('once more ends everything at once', async () => {
    await withDataDir(async (start) => {
      const run = start(['--no-feed']);
      const { services } = await run.ready();
      // An edge that cannot end: only force helps.
      process.kill(services.find((service) => service.name === 'edge')!.pid, 'SIGSTOP');
      run.interrupt();
      await until(() => run.output.includes('stopping'));
      await until(
        () => {
          if (run.output.includes('was killed')) return true;
          run.interrupt();
          return false;
        },
        { everyMs: 300, timeoutMs: 20_000 },
      );
      await run.exited;
      await run.nothingLeft();
    });
  });
});

function isOf(line: string, processes: readonly { pid: number }[]): boolean {
  return processes.some(({ pid }) => line.startsWith(`${pid} `));
}
