import { chmod, copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

/** Where programs fetched once are kept for every checkout of this user (XDG Base Directory Specification). */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  // A relative value is invalid by the specification and must be ignored.
  if (base !== undefined && path.isAbsolute(base)) return path.join(base, 'sluice');
  return path.join(homedir(), '.cache', 'sluice');
}

/**
 * Puts a program into the cache so that nobody ever sees half of it: `make` builds it in a private folder and answers
 * its path; a copy then takes its place by rename. Several processes may do this at once; the last one wins, with the
 * same content.
 */
export async function cacheProgram(
  target: string,
  make: (scratch: string) => Promise<string>,
): Promise<void> {
  const directory = path.dirname(target);
  await mkdir(directory, { recursive: true });
  const scratch = await mkdtemp(path.join(directory, '.fetch-'));
  try {
    const made = path.join(scratch, 'program');
    await copyFile(await make(scratch), made);
    await chmod(made, 0o755);
    await rename(made, target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
