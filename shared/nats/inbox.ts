import { createInbox } from '@nats-io/transport-node';

/** A subject nobody else uses, under `_INBOX.`. */
export function newInbox(): string {
  return createInbox();
}

/** A unique name for something short-lived on the server. */
export function newName(): string {
  return createInbox().slice('_INBOX.'.length);
}
