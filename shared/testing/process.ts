import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { endWithProcess } from './children.ts';
import { projectRoot } from './paths.ts';

/** A line of a process's log; a line that is not JSON has only `msg`. */
export type LogLine = { readonly msg?: string } & Readonly<Record<string, unknown>>;

export interface TestProcess {
  readonly pid: number;
  /** Every line so far, standard output and standard error. */
  readonly logs: readonly LogLine[];
  /** Settles when the process ends: its exit code, or the signal's name. */
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly running: boolean;
  /** The first line, past or future, for which the predicate holds. Rejects when the process ends or time is up. */
  waitForLog(predicate: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  write(text: string): void;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL after 40 s; resolves with the exit code or signal. */
  stop(): Promise<number | NodeJS.Signals>;
  /** SIGKILL. */
  kill(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The Node of package.json, also where a test runner was started by another one. */
export const nodeProgram = path.join(projectRoot, 'node_modules/.bin/node');

/** Starts `node <entry>`; the entry is relative to the checkout. `env` is added to this process's environment. */
export function startProcess(
  entry: string,
  env: Readonly<Record<string, string | undefined>> = {},
  args: readonly string[] = [],
): TestProcess {
  return startProgram(nodeProgram, [path.resolve(projectRoot, entry), ...args], env);
}

/** The same for any other program: examples in other languages, command-line tools. */
export function startProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
  cwd = projectRoot,
): TestProcess {
  const child = endWithProcess(
    spawn(program, [...args], { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] }),
    'SIGKILL',
  );
  const logs: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  for (const stream of [child.stdout!, child.stderr!])
    createInterface({ input: stream }).on('line', (text) => {
      const line = parseLine(text);
      logs.push(line);
      for (const look of waiting) look(line);
    });
  child.stdin!.on('error', () => {});
  let running = true;
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    const done = (result: number | NodeJS.Signals): void => {
      running = false;
      resolve(result);
    };
    child.once('error', (error) => {
      logs.push({ msg: error.message });
      done(127);
    });
    // Not `exit`: the last lines arrive after it.
    child.once('close', (code, signal) => done(code ?? signal ?? 0));
  });
  const tail = (): string =>
    logs
      .slice(-8)
      .map((line) => JSON.stringify(line))
      .join('\n');

  const stop = async (): Promise<number | NodeJS.Signals> => {
    child.kill('SIGTERM');
    const impatient = setTimeout(() => child.kill('SIGKILL'), 40_000);
    const result = await exited;
    clearTimeout(impatient);
    return result;
  };
  return {
    pid: child.pid ?? 0,
    logs,
    exited,
    get running() {
      return running;
    },
    waitForLog: (predicate, timeoutMs = 30_000) =>
      new Promise((resolve, reject) => {
        const earlier = logs.find(predicate);
        if (earlier) return resolve(earlier);
        const settle = (action: () => void): void => {
          waiting.delete(look);
          clearTimeout(timer);
          action();
        };
        const look = (line: LogLine): void => {
          if (predicate(line)) settle(() => resolve(line));
        };
        const timer = setTimeout(
          () =>
            settle(() =>
              reject(new Error(`no such log line within ${timeoutMs} ms; last lines:\n${tail()}`)),
            ),
          timeoutMs,
        );
        waiting.add(look);
        void exited.then((result) =>
          settle(() => reject(new Error(`ended (${result}) before that log line; last lines:\n${tail()}`))),
        );
        return undefined;
      }),
    write: (text) => child.stdin!.write(text),
    signal: (signal) => child.kill(signal),
    stop,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

function parseLine(text: string): LogLine {
  if (text.startsWith('{'))
    try {
      return JSON.parse(text) as LogLine;
    } catch {
      // Not ours: a line of text that happens to start with a brace.
    }
  return { msg: text };
}
