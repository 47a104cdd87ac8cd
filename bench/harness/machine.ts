import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { natsServerPath, natsVersion } from '../../scripts/local/nats-server.ts';
import { projectRoot } from '@sluice/testing';

/** Cores that other processes keep busy, looked at for a second while nothing of the benchmark runs. */
export async function busyCores(): Promise<number> {
  const before = cpuTimes();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = cpuTimes();
  const idle = (after.idle - before.idle) / (after.all - before.all);
  return (1 - idle) * os.availableParallelism();
}

function cpuTimes(): { idle: number; all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of os.cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idle, all };
}

/** What a reader needs to judge the figures; nothing that names the machine or where things lie on it. */
export async function machineFacts(): Promise<string[]> {
  const model = os.cpus()[0]?.model.trim() ?? 'unknown';
  const memory = Math.round(os.totalmem() / 1024 ** 3);
  return [
    `${os.availableParallelism()} cores (${model}), ${memory} GiB memory, Linux ${os.release().split('-')[0]}, ${os.arch()}`,
    `Node ${process.versions.node} (V8 ${process.versions.v8}), nats-server ${await natsVersion(await natsServerPath())}`,
    ['@nats-io/transport-node', 'moleculer', 'moleculer-web', 'ws', 'pg']
      .map((name) => `${name} ${packageVersion(name)}`)
      .join(', '),
    `Sluice at ${revision()}`,
  ];
}

function packageVersion(name: string): string {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const directory of paths) {
    try {
      return (JSON.parse(readFileSync(`${directory}/${name}/package.json`, 'utf8')) as { version: string })
        .version;
    } catch {
      // Not in this one.
    }
  }
  return 'unknown';
}

function revision(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, {
        cwd: projectRoot,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    return (
      git('rev-parse', '--short', 'HEAD') +
      (git('status', '--porcelain', 'services', 'shared') ? ' with changes' : '')
    );
  } catch {
    return 'an unknown revision';
  }
}
