import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startNatsServer, type TestNats } from '@sluice/testing';
import type { Section } from './harness/context.ts';
import { busyCores, machineFacts } from './harness/machine.ts';
import { Processes } from './harness/process.ts';
import { isMet, sectionText } from './harness/table.ts';
import { candles } from './scenarios/candles.ts';
import { fanout } from './scenarios/fanout.ts';
import { http } from './scenarios/http.ts';
import { idleMemory } from './scenarios/idle-memory.ts';
import { ingest } from './scenarios/ingest.ts';
import { limits } from './scenarios/limits.ts';
import { scale } from './scenarios/scale.ts';
import { tradeLatency } from './scenarios/trade-latency.ts';

const scenarios = [http, limits, scale, fanout, idleMemory, ingest, tradeLatency, candles];

const usage = `npm run bench -- [--quick] [--only NAME]... [--profile DIR] [--out FILE]
  --quick        a few seconds per scenario: shows that everything runs, the figures are only indicative
  --only NAME    one scenario; may be repeated: ${scenarios.map(({ name }) => name).join(', ')}
  --profile DIR  leave logs and CPU profiles of every Node process there (profiling slows them down)
  --out FILE     where the result page goes; bench/RESULTS.md for a whole run, otherwise only the terminal`;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(usage);
  process.exit(0);
}
const unknown = options.only.filter((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  console.error(`no scenario ${unknown.join(', ')}\n${usage}`);
  process.exit(2);
}
const chosen = scenarios.filter(({ name }) => options.only.length === 0 || options.only.includes(name));

const directory = options.profile
  ? path.resolve(options.profile)
  : await mkdtemp(path.join(tmpdir(), 'sluice-bench-'));
await mkdir(directory, { recursive: true });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const servers: TestNats[] = [];
const sections: Section[] = [];
const started = performance.now();
let failed = true;
try {
  const facts = await machineFacts();
  const busy = await busyCores();
  facts.push(`Other processes kept ${busy.toFixed(1)} cores busy before the run`);
  if (busy > 0.3) console.error(`warning: ${facts.at(-1)}; figures will suffer, those of time most of all`);
  for (const scenario of chosen) {
    console.error(`${scenario.name} …`);
    sections.push(
      await scenario.run({
        processes: new Processes(directory, { profile: options.profile !== undefined }),
        quick: options.quick,
        directory,
        startNats: async (config) => {
          const server = await startNatsServer(config === undefined ? {} : { config });
          servers.push(server);
          return server;
        },
        say: (line) => console.error(`  ${line}`),
      }),
    );
    console.error(`${sectionText(sections.at(-1)!)}\n`);
  }
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  const page = [
    '# Benchmark results',
    `Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)} in ${minutes} minutes${options.quick ? ' (**quick run: figures are only indicative**)' : ''}; README.md says how to read it.`,
    facts.map((fact) => `- ${fact}`).join('\n'),
    ...sections.map(sectionText),
    '',
  ].join('\n\n');
  const whole = chosen.length === scenarios.length && !options.quick && !options.profile;
  const out = options.out ?? (whole ? path.join(import.meta.dirname, 'RESULTS.md') : undefined);
  if (out) await writeFile(out, page);
  const missed = sections.flatMap(({ rows }) => rows).filter((row) => isMet(row) === false);
  console.error(
    `${missed.length} of the targets missed${out ? `; written to ${path.relative(process.cwd(), out)}` : ''}`,
  );
  failed = false;
} finally {
  for (const server of servers) await server.stop();
  if (failed) console.error(`the logs of every process are in ${directory}`);
  else if (!options.profile) await rm(directory, { recursive: true, force: true });
}
process.exit(0);
