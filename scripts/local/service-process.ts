import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { ProcessPlan } from './supervised.ts';
import { UserError } from './user-error.ts';

const project = path.resolve(import.meta.dirname, '../..');

/** How long a service may take to become ready, milliseconds: a slow machine starts six of them at once. */
const readyTimeoutMs = 90_000;

export interface ServiceReady {
  /** Address of health and metrics; feeds have none. */
  readonly ops?: string;
  /** Address clients use; the edge says it. */
  readonly gateway?: string;
  /** Address of the live chart's page. */
  readonly chart?: string;
}

/**
 * A process of Sluice: `node <entry>`, the entry relative to the checkout. It is ready when it logs `ready`. When it ends
 * before that, the sentence it logged last as `fatal` is the reason.
 */
export function servicePlan(options: {
  name: string;
  entry: string;
  args?: readonly string[];
  rank: number;
  /** It ends by itself when its work is done; exit code 0 then is no crash. */
  finishes?: boolean;
  env: Readonly<Record<string, string>>;
  /** Names of variables of this process that it must not inherit. */
  without?: RegExp | undefined;
  onLine: (line: string) => void;
}): ProcessPlan<ServiceReady> {
  const { name, rank, env, onLine } = options;
  return {
    name,
    rank,
    signal: 'SIGTERM',
    finishes: options.finishes === true,
    launch: (onSpawn) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [path.join(project, options.entry), ...(options.args ?? [])], {
          cwd: project,
          env: { ...inherited(options.without), ...env },
          detached: true,
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        if (child.pid !== undefined) onSpawn(child);
        let reason = '';
        const timer = setTimeout(() => {
          reason ||= `not ready after ${readyTimeoutMs / 1000} s`;
          child.kill('SIGKILL');
        }, readyTimeoutMs);
        const ended = (how: string): void => {
          clearTimeout(timer);
          reject(new UserError(`${name} did not start: ${reason || how}`));
        };
        child.once('error', (error) => ended(error.message));
        child.once('close', (code, signal) => ended(signal ?? `exit code ${code}`));
        createInterface({ input: child.stderr }).on('line', (line) => {
          onLine(line);
          // What Node says of a program that it could not even load.
          if (/^\w*Error\b.*: /.test(line)) reason ||= line;
        });
        createInterface({ input: child.stdout }).on('line', (line) => {
          onLine(line);
          // A busy edge writes thousands of lines a second: only those that can mean something are parsed.
          if (!/"(ready|fatal)"/.test(line)) return;
          const record = parse(line);
          if (record['level'] === 'fatal') reason = String(record['msg']);
          if (record['msg'] !== 'ready') return;
          clearTimeout(timer);
          const { ops, gateway, chart } = record;
          resolve({
            ...(typeof ops === 'string' ? { ops } : {}),
            ...(typeof gateway === 'string' ? { gateway } : {}),
            ...(typeof chart === 'string' ? { chart } : {}),
          });
        });
      }),
  };
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function inherited(without: RegExp | undefined): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => without?.test(name) !== true));
}
