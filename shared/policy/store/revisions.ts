import { readFrom, type Bucket, type Bus, type StoredMessage } from '@sluice/nats';
import { documentKey, documentStream, documentSubject, keptRevisions, openConfigBucket } from './bucket.ts';
import { decodeValue, documentOf, type RevisionFacts } from './value.ts';

/** One applied document. */
export interface Revision extends RevisionFacts {
  /** Revision of the key: what `If-Match` and rollback name. */
  readonly revision: number;
}

/** Revisions still kept, newest first; what somebody wrote that is no revision is left out. Throws BusError. */
export async function listRevisions(bus: Bus): Promise<Revision[]> {
  await openConfigBucket(bus);
  const revisions: Revision[] = [];
  for (const message of await history(bus, 1)) {
    const value = read(message);
    if (value)
      revisions.push({ revision: message.seq, author: value.author, at: value.at, comment: value.comment });
  }
  return revisions.toReversed();
}

/** A document as it was stored, before any check; null when that revision is not kept. Throws BusError, TypeError for a damaged one. */
export async function readRevision(
  bus: Bus,
  revision: number,
): Promise<(Revision & { readonly document: unknown }) | null> {
  const bucket = await openConfigBucket(bus);
  const [message] = await history(bus, revision, 1);
  const value = message?.seq === revision ? read(message) : null;
  if (!value) return null;
  const { author, at, comment } = value;
  return { revision, author, at, comment, document: await documentOf(bucket, value) };
}

/** The newest document, or null when there is none. Throws BusError, TypeError for a damaged one. */
export async function readCurrent(
  bus: Bus,
  bucket?: Bucket,
): Promise<(Revision & { readonly document: unknown }) | null> {
  const opened = bucket ?? (await openConfigBucket(bus));
  const entry = await opened.get(documentKey);
  if (!entry) return null;
  const value = decodeValue(entry.value);
  const { author, at, comment } = value;
  return { revision: entry.revision, author, at, comment, document: await documentOf(opened, value) };
}

/** Messages of the key from a revision on, ascending. */
export function history(bus: Bus, from: number, limit = keptRevisions): Promise<StoredMessage[]> {
  return readFrom(bus, documentStream, documentSubject, from, { limit });
}

function read(message: StoredMessage) {
  try {
    return decodeValue(message.data);
  } catch {
    // A deletion, or something written by hand.
    return null;
  }
}
