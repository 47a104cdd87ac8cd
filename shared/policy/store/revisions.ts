import { readFrom, type Bucket, type Bus, type StoredMessage } from '@sluice/nats';
import { documentKey, documentStream, documentSubject, keptRevisions, openConfigBucket } from './bucket.ts';
import { decodeValue, documentOf, type FileFacts, type RevisionFacts } from './value.ts';

/** One applied document. */
export interface Revision extends Omit<RevisionFacts, 'file'> {
  /** Revision of the key: what `If-Match` and rollback name. */
  readonly revision: number;
}

/** A file that routers loaded, and as which revision. */
export interface LoadedAs extends FileFacts {
  readonly revision: number;
}

/** The document in force. */
export interface Current extends Revision {
  readonly document: unknown;
  /** The file that routers loaded last, whatever was applied since; null: none. */
  readonly file: LoadedAs | null;
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
export async function readCurrent(bus: Bus, bucket?: Bucket): Promise<Current | null> {
  const opened = bucket ?? (await openConfigBucket(bus));
  const entry = await opened.get(documentKey);
  if (!entry) return null;
  const value = decodeValue(entry.value);
  const { author, at, comment } = value;
  const file = value.file === undefined ? await earlierFile(bus) : fileOf(value, entry.revision);
  return { revision: entry.revision, author, at, comment, file, document: await documentOf(opened, value) };
}

/** What the newest revision that says something of a file said; who writes one by hand does not know of it. Throws BusError. */
export async function earlierFile(bus: Bus): Promise<LoadedAs | null> {
  for (const message of (await history(bus, 1)).toReversed()) {
    const value = read(message);
    if (value?.file !== undefined) return fileOf(value, message.seq);
  }
  return null;
}

function fileOf({ file }: RevisionFacts, revision: number): LoadedAs | null {
  return file ? { ...file, revision: file.revision ?? revision } : null;
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
