import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** The users of deploy/nats/accounts.conf, the same here as in a cluster. */
const accountsFile = path.resolve(import.meta.dirname, '../../deploy/nats/accounts.conf');

/** Passwords by user. */
export type NatsPasswords = Readonly<Record<string, string>>;

/** Names of every user, read from the file itself. */
export async function natsUsers(): Promise<string[]> {
  const text = await readFile(accountsFile, 'utf8');
  return [...text.matchAll(/\buser: ([a-z]+)/g)].map((match) => match[1] as string);
}

/** A random password for each user. nats-server reads the value of a variable as if it stood in its file: a letter comes first. */
export async function newNatsPasswords(): Promise<NatsPasswords> {
  const users = await natsUsers();
  return Object.fromEntries(users.map((user) => [user, `p${randomBytes(18).toString('hex')}`]));
}

/** What the file's variables stand for, as the environment of a nats-server. */
export function natsPasswordVariables(passwords: NatsPasswords): Record<string, string> {
  return Object.fromEntries(
    Object.entries(passwords).map(([user, password]) => [`NATS_${user.toUpperCase()}_PASSWORD`, password]),
  );
}

/** The accounts as a part of a configuration file. */
export function natsAccounts(): Promise<string> {
  return readFile(accountsFile, 'utf8');
}
