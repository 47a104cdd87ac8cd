import { spawn } from 'node:child_process';
import path from 'node:path';

const project = path.resolve(import.meta.dirname, '../..');

/** A step that cannot go on; its message is one sentence for the person at the keyboard. */
export class StepError extends Error {}

let steps = 0;

export function step(title: string): void {
  steps += 1;
  process.stdout.write(`\n${steps}. ${title}\n\n`);
}

export function say(text: string): void {
  process.stdout.write(`${text.replace(/^(?=.)/gm, '   ')}\n`);
}

/** Runs a command of the gateway and shows it as a user types it, with what it answers. Gives its standard output. */
export async function gateway(...args: string[]): Promise<string> {
  const shown = args.map((word) => (/^[\w./:{}@-]+$/.test(word) ? word : `'${word}'`)).join(' ');
  say(`$ npm run gateway -- ${shown}`);
  const { code, out, err } = await run(args);
  const text = `${err}${out}`.trimEnd();
  if (text !== '') say(text);
  if (code !== 0) throw new StepError(`that command failed: ${err.trim() || out.trim()}`);
  return out;
}

/** The same without a word about it. */
export async function quietly(...args: string[]): Promise<string> {
  const { code, out, err } = await run(args);
  if (code !== 0) throw new StepError(err.trim().replace(/^gateway: /, ''));
  return out;
}

function run(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [path.join(project, 'scripts/gateway.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, out, err }));
  });
}
