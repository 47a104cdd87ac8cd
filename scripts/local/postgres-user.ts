import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { UserError } from './user-error.ts';

const run = promisify(execFile);

/** Whom PostgreSQL runs as; empty when it runs as the present user. Spread into the options of `spawn`. */
export interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * PostgreSQL refuses to run as root. Root's PostgreSQL therefore runs as the system user `postgres`, who is created
 * where there is none.
 */
export async function postgresUser(): Promise<RunAs> {
  if (process.getuid?.() !== 0) return {};
  const existing = await lookUp();
  if (existing) return existing;
  const options = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin'];
  await run('useradd', [...options, '--comment', 'PostgreSQL', 'postgres']).catch(() => undefined);
  const created = await lookUp();
  if (created) return created;
  throw new UserError(
    'PostgreSQL does not run as root, and a user named postgres could not be created: ' +
      'run this as an ordinary user, create that user, or set DATABASE_URL to a database that is already running',
  );
}

async function lookUp(): Promise<RunAs | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/** Whether that user can go into a directory; every directory above it counts too. */
export function canReach(directory: string, user: RunAs): boolean {
  return (
    spawnSync('/bin/sh', ['-c', 'cd "$0"', directory], { ...user, cwd: '/', stdio: 'ignore' }).status === 0
  );
}
