import { execFile } from 'node:child_process';
import path from 'node:path';
import { nodeProgram, projectRoot } from '@sluice/testing';

export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `npm run gateway -- …` as a user runs it from a folder, without npm and without what the environment says of a gateway. */
export function gatewayCommand(
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; cwd?: string } = {},
): Promise<CommandRun> {
  const script = path.join(projectRoot, 'scripts/gateway.ts');
  const { INIT_CWD: _cwd, ...env } = process.env;
  for (const name of Object.keys(env)) if (/^(?:SLUICE|NATS)_/.test(name)) delete env[name];
  return new Promise((resolve) => {
    execFile(
      nodeProgram,
      [script, ...args],
      { cwd: options.cwd ?? projectRoot, env: { ...env, ...options.env } },
      (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
    );
  });
}
