import { createLogView } from './local/log-view.ts';
import { helpText, parseStartOptions, type StartOptions } from './local/options.ts';
import { runStack } from './local/run.ts';
import { LocalStack } from './local/stack.ts';

const view = createLogView(process.stdout, {
  color: process.stdout.isTTY && !process.env['NO_COLOR'],
  verbose: process.argv.includes('--verbose'),
});
const options = readOptions();
if (options.help) {
  view.plain(helpText);
  process.exit(0);
}

const stack = new LocalStack(options, view, process.env);
const interrupted = new AbortController();
let stoppingSince: number | undefined;

/** A terminal's Ctrl-C reaches this process twice under npm, which passes on what the terminal has sent already. */
const sameKeystrokeMs = 750;

async function finish(code: number): Promise<never> {
  stoppingSince = performance.now();
  interrupted.abort();
  await stack.stop();
  if (code === 0) view.say('start', 'info', `everything is stopped; the data is in ${options.dataDir}`);
  process.exit(code);
}

function interrupt(reason: string): void {
  if (stoppingSince === undefined) {
    view.say('start', 'info', `${reason}: stopping (once more ends everything at once)`);
    void finish(0);
  } else if (performance.now() - stoppingSince > sameKeystrokeMs) stack.hurry();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt(signal));
// Whoever read the output is gone (a closed terminal, `| head`): nobody could stop this any more.
process.stdout.on('error', () => interrupt('output closed'));
watchParent();

try {
  await runStack(stack, options, view, process.env, interrupted.signal);
} catch (error) {
  if (stoppingSince === undefined) {
    report(error);
    await finish(1);
  }
}

/** Under npm the parent is npm; when it is killed, no Ctrl-C can arrive here any more. */
function watchParent(): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent && stoppingSince === undefined) interrupt('npm is gone');
  }, 500).unref();
}

function readOptions(): StartOptions {
  try {
    return parseStartOptions(process.argv.slice(2), process.env);
  } catch (error) {
    report(error);
    return process.exit(1);
  }
}

/** One sentence; the stack of what nobody expected is for those who ask for it. */
function report(error: unknown): void {
  process.stderr.write(`sluice: ${error instanceof Error ? error.message : String(error)}\n`);
  if (process.env['SLUICE_LOG_LEVEL'] === 'debug') console.error(error);
}
