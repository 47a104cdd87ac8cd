import type { Bucket, BucketChange, Bus } from '@sluice/nats';
import { checkDocumentGently } from '../check/check.ts';
import { DocumentError } from '../check/fault.ts';
import { gatewaySchema, type GatewayDocument } from '../document/gateway.ts';
import { documentKey, openConfigBucket } from './bucket.ts';
import { history } from './revisions.ts';
import { decodeValue, documentOf } from './value.ts';

export type DocumentListener = (document: GatewayDocument, revision: number) => void;

/** A read-only replica of the document. It keeps what it knows while NATS is away and whatever is wrong with a newer one. */
export interface DocumentFollower {
  readonly current: GatewayDocument;
  /** 0: nothing is stored, `current` has the defaults. */
  readonly revision: number;
  /** False until what is stored has been read once, or the knowledge that nothing is. */
  readonly ready: boolean;
  /** Resolves when `ready` becomes true. */
  readonly loaded: Promise<void>;
  /** Called at once after `current` has changed, in the order of registration; gives a function that stops it. */
  onChange(listener: DocumentListener): () => void;
  stop(): void;
}

export interface FollowDocumentOptions {
  /** Copies of the bucket, should it have to be made. */
  readonly replicas: number;
  /** Told of documents that cannot be used, and of listeners that throw. */
  readonly report?: (detail: string, error?: unknown) => void;
}

/** A part is written before the value that names it, yet a read may reach a replica that is a moment behind. */
const partRetries = 20;
const partRetryMs = 100;

/**
 * Follows the document in KV `config`. One that is not valid is reported and changes nothing; a process that starts
 * while such a one is stored takes the newest earlier revision that is, and is not ready where there is none: the defaults
 * would close routes that other processes still serve. Resolves when the watch is on. Throws BusError.
 */
export async function followDocument(bus: Bus, options: FollowDocumentOptions): Promise<DocumentFollower> {
  const bucket = await openConfigBucket(bus, options.replicas);
  const replica = new DocumentReplica(bus, bucket, options.report ?? (() => {}));
  const stop = await bucket.watch({
    keys: documentKey,
    onChange: (change) => replica.change(change),
    onReady: () => replica.complete(),
  });
  replica.onStop(stop);
  return replica;
}

class DocumentReplica implements DocumentFollower {
  readonly #bus: Bus;
  readonly #bucket: Bucket;
  readonly #report: (detail: string, error?: unknown) => void;
  readonly #listeners = new Set<DocumentListener>();
  readonly #loaded = Promise.withResolvers<void>();
  #stopWatch: () => void = () => {};
  #current = gatewaySchema.parse({});
  #revision = 0;
  #ready = false;
  #stopped = false;
  /** Changes wait for each other: a large document that takes a while to be read is not overtaken by a small one. */
  #tail: Promise<void> = Promise.resolve();
  /** Changes told; a reading that is no longer that of the newest by the time it is done is dropped. */
  #told = 0;

  constructor(bus: Bus, bucket: Bucket, report: (detail: string, error?: unknown) => void) {
    this.#bus = bus;
    this.#bucket = bucket;
    this.#report = report;
  }

  get current(): GatewayDocument {
    return this.#current;
  }

  get revision(): number {
    return this.#revision;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  onChange(listener: DocumentListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onStop(stopWatch: () => void): void {
    this.#stopWatch = stopWatch;
  }

  stop(): void {
    this.#stopped = true;
    this.#stopWatch();
  }

  complete(): void {
    void this.#tail.then(() => {
      if (!this.#ready && this.#told === 0) this.#becomeReady();
    });
  }

  change({ value, revision }: BucketChange): void {
    if (this.#stopped) return;
    const turn = ++this.#told;
    // The bytes belong to the socket's buffer and are gone after this turn.
    const bytes = value === null ? null : Uint8Array.from(value);
    this.#tail = this.#tail.then(() => this.#take(bytes, revision, turn));
  }

  /** Never rejects: whatever is wrong with a document, the one before stays. */
  async #take(bytes: Uint8Array | null, revision: number, turn: number): Promise<void> {
    if (bytes === null) return this.#become(gatewaySchema.parse({}), 0);
    try {
      const document = await this.#read(bytes, () => turn === this.#told);
      if (document) this.#become(document, revision);
    } catch (error) {
      this.#report(
        `revision ${revision} of the document is not valid, the one before stays: ${reason(error)}`,
      );
      if (!this.#ready && this.#revision === 0) await this.#takeEarlier(revision);
    }
    return undefined;
  }

  /** Null when a newer one has come meanwhile. */
  async #read(bytes: Uint8Array, current: () => boolean): Promise<GatewayDocument | null> {
    for (let attempt = 1; ; attempt++) {
      if (this.#stopped || !current()) return null;
      const value = decodeValue(bytes);
      try {
        const result = await checkDocumentGently(await documentOf(this.#bucket, value));
        if (!result.ok) throw new DocumentError(result.faults);
        return result.document;
      } catch (error) {
        if (error instanceof DocumentError || 'document' in value || attempt === partRetries) throw error;
        await new Promise((resolve) => setTimeout(resolve, partRetryMs));
      }
    }
  }

  async #takeEarlier(than: number): Promise<void> {
    try {
      for (const message of (await history(this.#bus, 1)).toReversed()) {
        if (message.seq >= than) continue;
        const document = await this.#read(message.data, () => true).catch(() => null);
        if (!document) continue;
        this.#report(`revision ${message.seq} of the document is the newest valid one and is used`);
        return this.#become(document, message.seq);
      }
    } catch (error) {
      this.#report('earlier revisions of the document cannot be read', error);
    }
    return undefined;
  }

  #becomeReady(): void {
    this.#ready = true;
    this.#loaded.resolve();
  }

  #become(document: GatewayDocument, revision: number): void {
    if (this.#stopped) return;
    this.#current = document;
    this.#revision = revision;
    this.#becomeReady();
    for (const listener of this.#listeners) {
      try {
        listener(document, revision);
      } catch (error) {
        this.#report('a listener of the document threw', error);
      }
    }
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
