import { randomBytes } from 'node:crypto';
import { createInbox } from '@nats-io/transport-node';

/**
 * Where answers to a user go. Each user has a prefix of its own, so that NATS can keep users from listening to each
 * other's answers: permission to subscribe to `_INBOX.<user>.>` and nothing else under `_INBOX`.
 */
export function inboxPrefix(user: string | undefined): string {
  return user === undefined ? '_INBOX' : `_INBOX.${user.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`;
}

/**
 * A subject nobody else uses, under `prefix`. 56 random bits, in ten characters instead of the client's 22: every
 * question and every answer carries it, and server and clients read it character by character.
 */
export function newInbox(prefix: string): string {
  return `${prefix}.${randomBytes(7).toString('base64url')}`;
}

/** A unique name for something short-lived on the server. */
export function newName(): string {
  return createInbox().slice('_INBOX.'.length);
}
