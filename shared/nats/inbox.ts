import { randomBytes } from 'node:crypto';
import { createInbox } from '@nats-io/transport-node';

/**
 * A subject nobody else uses, under `_INBOX.`. 56 random bits, in ten characters instead of the client's 22: every
 * question and every answer carries it, and server and clients read it character by character.
 */
export function newInbox(): string {
  return `_INBOX.${randomBytes(7).toString('base64url')}`;
}

/** A unique name for something short-lived on the server. */
export function newName(): string {
  return createInbox().slice('_INBOX.'.length);
}
