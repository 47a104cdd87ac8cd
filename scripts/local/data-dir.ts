import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { removeDatabase } from './database-place.ts';
import { newNatsPasswords, type NatsPasswords } from './nats-accounts.ts';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';
import { UserError } from './user-error.ts';

/** Secrets of the local servers, made once per data directory. */
export interface Credentials {
  /** By user of deploy/nats/accounts.conf. */
  readonly natsPasswords: NatsPasswords;
  readonly databasePassword: string;
}

/** Everything a local stack keeps: `nats/`, `postgres/` and a few files of its own. */
export class DataDirectory {
  readonly path: string;

  constructor(directory: string) {
    this.path = path.resolve(directory);
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /**
   * Makes the directory and takes it for this process. Throws {@link UserError} when another stack runs on it, and when
   * what lies in the places of a stack is not from one.
   */
  async open(): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true });
      await this.#refuseForeign();
      await this.#lock();
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`cannot use ${this.path} for the data: ${(error as Error).message}`);
    }
  }

  /** Removes what stacks keep here, and nothing else: the directory may hold files of other origin. */
  async wipe(): Promise<void> {
    await removeDatabase(this.path);
    // The credentials last: while they are there, what is left is known to be a stack's.
    for (const name of [
      'nats',
      'admin-key',
      'endpoints.json',
      'processes.json',
      'feeds.json',
      'credentials.json',
    ])
      await rm(this.file(name), { recursive: true, force: true });
  }

  async credentials(): Promise<Credentials> {
    const kept = await this.readJson<Partial<Credentials>>('credentials.json');
    const made: Credentials = {
      // A directory of an earlier version lacks users that have come since.
      natsPasswords: { ...(await newNatsPasswords()), ...kept?.natsPasswords },
      databasePassword: kept?.databasePassword ?? randomBytes(18).toString('base64url'),
    };
    if (isDeepStrictEqual(made, kept)) return made;
    await this.writeJson('credentials.json', made);
    return made;
  }

  /** Whole or not at all, and readable by its owner only: most of these files hold secrets. */
  async writeJson(name: string, value: unknown): Promise<void> {
    const scratch = this.file(`.${name}.${process.pid}`);
    await writeFile(scratch, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
    await rename(scratch, this.file(name));
  }

  async readJson<T>(name: string): Promise<T | undefined> {
    const text = await readFile(this.file(name), 'utf8').catch(() => undefined);
    try {
      return text === undefined ? undefined : (JSON.parse(text) as T);
    } catch {
      // Half a file cannot come from writeJson; whoever wrote it, it says nothing.
      return undefined;
    }
  }

  async close(): Promise<void> {
    for (const name of ['endpoints.json', 'processes.json', 'lock'])
      await rm(this.file(name), { force: true });
  }

  /** The credentials are made before anything else is: without them, servers' files here are somebody else's. */
  async #refuseForeign(): Promise<void> {
    const kept = await this.readJson<Partial<Credentials>>('credentials.json');
    if (typeof kept?.databasePassword === 'string') return;
    for (const name of ['postgres', 'nats', 'credentials.json'])
      if (await holdsSomething(this.file(name)))
        throw new UserError(
          `${this.file(name)} is not from Sluice, which keeps its own there: give it another --data-dir, or move that away`,
        );
  }

  async #lock(): Promise<void> {
    const lock = this.file('lock');
    const own = JSON.stringify(identify(process.pid));
    for (let attempt = 0; attempt < 20; attempt += 1) {
      if (await writeFile(lock, own, { mode: 0o600, flag: 'wx' }).then(() => true, isTaken)) return;
      const text = await readFile(lock, 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      const holder = parseIdentity(text);
      if (holder && isRunning(holder))
        throw new UserError(
          `another Sluice (process ${holder.pid}) runs on ${this.path}: stop it, or give this one its own --data-dir`,
        );
      await this.#removeStale(text);
    }
    throw new UserError(`could not take the lock ${lock}: another start is at it at the same time`);
  }

  /** Two starts may find the same stale lock: it is moved away first, and put back if it was no longer the stale one. */
  async #removeStale(expected: string): Promise<void> {
    const lock = this.file('lock');
    const aside = this.file(`.lock.${process.pid}`);
    try {
      await rename(lock, aside);
    } catch {
      return;
    }
    if ((await readFile(aside, 'utf8')) !== expected) await rename(aside, lock);
    else await rm(aside, { force: true });
  }
}

async function holdsSomething(place: string): Promise<boolean> {
  try {
    return (await readdir(place)).length > 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function isTaken(error: NodeJS.ErrnoException): false {
  if (error.code === 'EEXIST') return false;
  throw error;
}

/** A lock that is empty was left by a process killed while it wrote it. */
function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
