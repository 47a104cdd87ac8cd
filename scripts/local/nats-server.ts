import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { unpackDebianPackage } from './apt-package.ts';
import { cacheDirectory, cacheProgram } from './cache.ts';
import { UserError } from './user-error.ts';

const run = promisify(execFile);

/** Message counters, which rate limits need, came with this version. */
export const oldestNats = [2, 12] as const;

/** Debian's suite that holds a new enough server; its binary runs on Debian 12 and later. */
const suite = 'forky';

/**
 * Path of a nats-server that is new enough: the one on PATH, else the cached one, else it is fetched with apt into the
 * user's cache. `progress` is told before anything is fetched. Rejects with a {@link UserError} that says how to
 * install one.
 */
export async function natsServerPath(
  options: { progress?: (line: string) => void; env?: NodeJS.ProcessEnv; signal?: AbortSignal } = {},
): Promise<string> {
  const env = options.env ?? process.env;
  const onPath = await findOnPath('nats-server', env);
  const pathVersion = onPath === undefined ? undefined : await natsVersion(onPath);
  if (onPath !== undefined && isNewEnough(pathVersion)) return onPath;

  const cached = path.join(cacheDirectory(env), 'bin', 'nats-server');
  if (isNewEnough(await natsVersion(cached))) return cached;

  options.progress?.(`fetching nats-server from Debian ${suite} (about 6 MB, once)`);
  try {
    await cacheProgram(cached, async (scratch) => {
      const root = await unpackDebianPackage({
        name: 'nats-server',
        suite,
        directory: scratch,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      return path.join(root, 'usr/sbin/nats-server');
    });
  } catch (error) {
    throw new UserError(howToInstall(pathVersion, error instanceof Error ? error.message : String(error)));
  }
  const version = await natsVersion(cached);
  if (!isNewEnough(version))
    throw new UserError(
      howToInstall(pathVersion, `the fetched one (${version ?? 'unknown'}) does not run here`),
    );
  return cached;
}

/** `2.15.1` for a program that is a nats-server, otherwise undefined. */
export async function natsVersion(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: 10_000 });
    return /nats-server:\s*v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

export function isNewEnough(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '0').split('.').map(Number);
  return major > oldestNats[0] || (major === oldestNats[0] && minor >= oldestNats[1]);
}

async function findOnPath(program: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const directory of (env['PATH'] ?? '').split(path.delimiter).filter(path.isAbsolute)) {
    const candidate = path.join(directory, program);
    if (
      await access(candidate, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  }
  return undefined;
}

function howToInstall(found: string | undefined, reason: string): string {
  const wanted = oldestNats.join('.');
  const have = found === undefined ? 'there is none on PATH' : `the one on PATH is ${found}`;
  return (
    `Sluice needs nats-server ${wanted} or newer (${have}; ${reason}): install it from ` +
    'https://github.com/nats-io/nats-server/releases or your package manager and put it on PATH, ' +
    'or set NATS_URL to a server that is already running'
  );
}
