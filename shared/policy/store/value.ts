import { createHash } from 'node:crypto';
import type { Bucket } from '@sluice/nats';

/**
 * The file that routers loaded last, as it was then. It stays with every later revision, whoever makes it: by it a router
 * that starts knows a file that has not changed since from one that has.
 */
export interface FileFacts {
  readonly name: string;
  /** SHA-256 of the document in it, list files included. */
  readonly hash: string;
  /** Revision that it was applied as; null: the one that this stands in. */
  readonly revision: number | null;
}

/** What key `gateway` holds besides the document. */
export interface RevisionFacts {
  /** Who applied it: a subject or a file, for people. */
  readonly author: string;
  /** When, milliseconds since the epoch, by the clock of whoever applied it. */
  readonly at: number;
  readonly comment: string | null;
  /** Null: no router has loaded a file yet; undefined: who wrote the value by hand did not say. */
  readonly file: FileFacts | null | undefined;
}

/** A value of key `gateway`: the document in it, or the names of the parts that its JSON is made of. */
export type StoredValue = RevisionFacts &
  ({ readonly document: unknown } | { readonly parts: readonly string[] });

/** A value above this is stored in parts: NATS takes 1 MiB in a message unless it is told otherwise. */
const largestValue = 512 * 1024;
const partBytes = 512 * 1024;
const maxParts = 64;

const partKey = (hash: string): string => `part.${hash}`;
export const partPrefix = partKey('');

/** The document cannot be stored at all. */
export class DocumentTooLargeError extends Error {
  constructor(bytes: number) {
    super(
      `the document has ${bytes} bytes of JSON, more than the ${maxParts * partBytes} that can be stored`,
    );
    this.name = 'DocumentTooLargeError';
  }
}

/**
 * The text for key `gateway`, and the parts to be stored before it. Parts are named by their SHA-256, so that a reader
 * knows what it got and revisions share what they have in common. Throws {@link DocumentTooLargeError}.
 */
export function encodeValue(
  document: unknown,
  facts: RevisionFacts,
): { text: string; parts: ReadonlyMap<string, Uint8Array> } {
  const text = JSON.stringify({ document, ...facts });
  if (Buffer.byteLength(text) <= largestValue) return { text, parts: new Map() };
  const bytes = Buffer.from(JSON.stringify(document));
  if (bytes.length > maxParts * partBytes) throw new DocumentTooLargeError(bytes.length);
  const parts = new Map<string, Uint8Array>();
  const names: string[] = [];
  for (let from = 0; from < bytes.length; from += partBytes) {
    const part = bytes.subarray(from, from + partBytes);
    const name = createHash('sha256').update(part).digest('hex');
    parts.set(partKey(name), part);
    names.push(name);
  }
  return { text: JSON.stringify({ parts: names, ...facts }), parts };
}

/** Reads a value of key `gateway`; who wrote `nats kv put` by hand may have left out who and when. Throws TypeError. */
export function decodeValue(bytes: Uint8Array): StoredValue {
  const value = parseJson(bytes);
  if (typeof value !== 'object' || value === null) throw new TypeError('it is not a JSON object');
  const { document, parts, author, at, comment, file } = value as Record<string, unknown>;
  const facts: RevisionFacts = {
    author: typeof author === 'string' ? author : 'unknown',
    at: typeof at === 'number' ? at : 0,
    comment: typeof comment === 'string' ? comment : null,
    file: fileFacts(file),
  };
  if (document !== undefined) return { document, ...facts };
  if (Array.isArray(parts) && parts.length <= maxParts && parts.every(isHash)) return { parts, ...facts };
  throw new TypeError('it has neither a document nor parts of one');
}

function fileFacts(value: unknown): FileFacts | null | undefined {
  if (typeof value !== 'object' || value === null) return value === null ? null : undefined;
  const { name, hash, revision } = value as Record<string, unknown>;
  if (typeof name !== 'string' || !isHash(hash)) return undefined;
  return { name, hash, revision: Number.isSafeInteger(revision) ? (revision as number) : null };
}

/** What tells the content of two files apart: the document in them, as it is stored. */
export function contentHash(document: unknown): string {
  return createHash('sha256').update(JSON.stringify(document)).digest('hex');
}

/** The document of a value, its parts fetched. Throws TypeError when a part is missing or is not what its name says. */
export async function documentOf(bucket: Bucket, value: StoredValue): Promise<unknown> {
  if ('document' in value) return value.document;
  const parts = await Promise.all(value.parts.map((name) => readPart(bucket, name)));
  return parseJson(Buffer.concat(parts));
}

async function readPart(bucket: Bucket, name: string): Promise<Uint8Array> {
  const entry = await bucket.get(partKey(name));
  if (entry === null) throw new TypeError(`part ${name.slice(0, 12)}… is missing`);
  if (createHash('sha256').update(entry.value).digest('hex') !== name)
    throw new TypeError(`part ${name.slice(0, 12)}… is not what it was`);
  return Buffer.from(entry.value);
}

const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (error) {
    throw new TypeError('it is not JSON', { cause: error });
  }
}
