import { isDeepStrictEqual } from 'node:util';
import { isBusError, type Bucket, type Bus } from '@sluice/nats';
import { checkDocumentGently } from '../check/check.ts';
import { DocumentError } from '../check/fault.ts';
import { checkRouteSchemas } from '../check/route-schemas.ts';
import type { GatewayDocument } from '../document/gateway.ts';
import { documentKey, openConfigBucket } from './bucket.ts';
import { earlierFile, readCurrent, type Current } from './revisions.ts';
import { removeUnusedParts } from './unused-parts.ts';
import { contentHash, encodeValue, type FileFacts } from './value.ts';

export interface ApplyOptions {
  /** The revision that the change was made against; 0: there is none yet; null: whatever is there. */
  readonly expectedRevision: number | null;
  /** Who applies it, for the list of revisions. */
  readonly author: string;
  readonly comment?: string | null;
  /** The document comes from a file that a router follows. */
  readonly file?: FileSource;
}

export interface FileSource {
  readonly name: string;
  /** Apply it also where it has not changed since a router applied it. */
  readonly again: boolean;
}

export interface Applied {
  readonly revision: number;
  /** False when just this document was there already: nothing was written. */
  readonly changed: boolean;
  readonly document: GatewayDocument;
  /** False: the file has not changed since a router applied it, and the other document that was applied since stays. */
  readonly inForce: boolean;
}

/** Somebody else has applied a document since the one that the change was made against. */
export class RevisionConflictError extends Error {
  /** What is there now; 0: nothing. */
  readonly revision: number;

  constructor(revision: number) {
    super(`the document has revision ${revision} now`);
    this.name = 'RevisionConflictError';
    this.revision = revision;
  }
}

const attempts = 5;

/**
 * Checks a document and stores it as people wrote it: whole, in one write against the revision that was expected, after
 * the parts of a large one. Throws {@link DocumentError} with every fault, {@link RevisionConflictError},
 * DocumentTooLargeError and BusError; in each case what was there before stays. A file is applied when it has another
 * content than the one that was applied last: a router that merely starts undoes nothing.
 */
export async function applyDocument(bus: Bus, input: unknown, options: ApplyOptions): Promise<Applied> {
  const document = await checkStorable(input);
  const bucket = await openConfigBucket(bus);
  // As it will be read back: without what JSON cannot hold.
  const stored: unknown = JSON.parse(JSON.stringify(input));
  const hash = options.file && contentHash(stored);
  for (let attempt = 1; ; attempt++) {
    const present = await presentRevision(bus, bucket);
    if (options.expectedRevision !== null && options.expectedRevision !== present.revision)
      throw new RevisionConflictError(present.revision);
    const { revision: now, file: known } = present;
    const same = isDeepStrictEqual(present.document, stored);
    const unchanged = hash === undefined || hash === known?.hash;
    const kept = options.file?.again === false && present.document !== undefined;
    if (unchanged && (same || kept)) return { revision: now, changed: false, document, inForce: same };
    const file = options.file && hash ? { name: options.file.name, hash, revision: null } : known;
    try {
      const revision = await write(bucket, stored, now, options, file);
      await removeUnusedParts(bus, bucket);
      return { revision, changed: true, document, inForce: true };
    } catch (error) {
      if (!isBusError(error, 'rejected') || attempt === attempts) throw error;
      // Somebody was faster: the next look tells what that means.
    }
  }
}

/**
 * Checks what is to be stored: the document as `checkDocument` does, its JSON Schemas, and that its lists are there. In
 * small steps, so that others have their turns. Rejects with {@link DocumentError}.
 */
export async function checkStorable(input: unknown): Promise<GatewayDocument> {
  const result = await checkDocumentGently(input);
  if (!result.ok) throw new DocumentError(result.faults);
  const unread = Object.entries(result.document.addresses.lists).filter(([, list]) => !Array.isArray(list));
  if (unread.length > 0)
    throw new DocumentError(
      unread.map(([name]) => ({
        path: ['addresses', 'lists', name],
        message: 'is a file that has not been read',
        hint: '`npm run gateway -- apply` puts the entries in its place',
      })),
    );
  const wrong = await checkRouteSchemas(result.document);
  if (wrong.length > 0) throw new DocumentError(wrong);
  return result.document;
}

async function presentRevision(
  bus: Bus,
  bucket: Bucket,
): Promise<Pick<Current, 'revision' | 'document' | 'file'>> {
  try {
    const current = await readCurrent(bus, bucket);
    if (current) return current;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // What cannot be read can be replaced.
  }
  const revision = (await bucket.get(documentKey))?.revision ?? 0;
  return { revision, document: undefined, file: await earlierFile(bus) };
}

async function write(
  bucket: Bucket,
  document: unknown,
  revision: number,
  { author, comment = null }: ApplyOptions,
  file: FileFacts | null,
): Promise<number> {
  const { text, parts } = encodeValue(document, { author, at: Date.now(), comment, file });
  for (const [key, part] of parts) if (!(await bucket.get(key))) await bucket.put(key, part);
  return revision === 0 ? bucket.create(documentKey, text) : bucket.update(documentKey, text, revision);
}
