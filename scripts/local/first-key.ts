import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeApiKey, parseApiKey } from '@sluice/policy';
import type { DataDirectory } from './data-dir.ts';
import { UserError } from './user-error.ts';

/** File of the data directory that holds the first key of the control API; scripts and the command line read it. */
export const adminKeyFile = 'admin-key';

/** The first credential of a local gateway. */
export interface FirstKey {
  /** What the admin service is told. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it is; undefined where the user has set one. */
  readonly file: string | undefined;
  /** The key itself, where it was made just now: it is shown this one time. */
  readonly shown: string | undefined;
}

/**
 * The first key: what the user has set, or the one in the data directory, made when there is none. Throws
 * {@link UserError} for a file that holds something else.
 */
export async function firstKey(dataDir: DataDirectory, env: NodeJS.ProcessEnv): Promise<FirstKey> {
  const given = env['SLUICE_ADMIN_KEY_FILE'];
  if (given || env['SLUICE_ADMIN_KEY']) {
    // Relative paths count from where the user is; the service runs elsewhere.
    const absolute = given ? { SLUICE_ADMIN_KEY_FILE: path.resolve(env['INIT_CWD'] ?? '', given) } : {};
    return { env: absolute, file: undefined, shown: undefined };
  }
  const file = dataDir.file(adminKeyFile);
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new UserError(`${file} cannot be read: ${error.message}`);
  });
  if (kept !== null && parseApiKey(kept.trim()) === null)
    throw new UserError(`${file} holds no API key: remove it, and the next start makes a new one`);
  const made = kept === null ? makeApiKey().text : undefined;
  if (made !== undefined) await writeFile(file, `${made}\n`, { mode: 0o600, flag: 'wx' });
  return { env: { SLUICE_ADMIN_KEY_FILE: file }, file, shown: made };
}
