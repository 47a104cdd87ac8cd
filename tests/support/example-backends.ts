import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { projectRoot, startProcess, startProgram, type TestProcess } from '@sluice/testing';

/** One of the example backends: the same small API, each in its own language and its own way to be a backend. */
export interface ExampleBackend {
  readonly title: string;
  /** Its paths begin with `/v1/<prefix>/`. */
  readonly prefix: string;
  /** Its routes come and go with it, or were declared and stay. */
  readonly origin: 'discovered' | 'declared';
  /** Why it cannot run here; undefined where it can. */
  readonly missing: string | undefined;
  /** Once before the first start, with a directory for what it needs to make. */
  prepare(directory: string): void;
  /** Resolves when the program says that it is ready. */
  start(natsUrl: string): Promise<TestProcess>;
}

const examples = path.join(projectRoot, 'examples/backends');
let program = '';

export const exampleBackends: readonly ExampleBackend[] = [
  {
    title: 'with the SDK (Node)',
    prefix: 'node',
    origin: 'discovered',
    missing: undefined,
    prepare: () => {},
    start: (natsUrl) => ready(startProcess('examples/backends/node-sdk/main.ts', { NATS_URL: natsUrl })),
  },
  {
    title: 'as an ADR-32 service without the SDK (Python)',
    prefix: 'python',
    origin: 'discovered',
    missing: found('python3') ? undefined : 'python3 is not installed',
    prepare: () => {},
    start: (natsUrl) =>
      ready(startProgram('python3', [path.join(examples, 'python-micro/main.py')], { NATS_URL: natsUrl })),
  },
  {
    title: 'as a subscriber with a declared route (C)',
    prefix: 'c',
    origin: 'declared',
    missing: missingForC(),
    prepare: (directory) => {
      program = path.join(directory, 'orders');
      const made = spawnSync('make', ['-C', path.join(examples, 'c-raw'), `OUT=${program}`], {
        encoding: 'utf8',
      });
      if (made.status !== 0) throw new Error(`make failed: ${made.stderr}`);
    },
    start: (natsUrl) => ready(startProgram(program, [], { NATS_URL: natsUrl })),
  },
];

async function ready(process: TestProcess): Promise<TestProcess> {
  await process.waitForLog((line) => line.msg?.startsWith('ready') ?? false);
  return process;
}

function missingForC(): string | undefined {
  for (const tool of ['gcc', 'make']) if (!found(tool)) return `${tool} is not installed`;
  return existsSync('/usr/include/nats/nats.h') ? undefined : 'libnats-dev is not installed';
}

export function found(tool: string): boolean {
  return spawnSync(tool, ['--version']).status === 0;
}
