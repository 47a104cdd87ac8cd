import { openBucket, type Bus } from '@sluice/nats';
import { decodeRevocation, parseRevocationKey, revocationsBucket, type Revocation } from '@sluice/policy';
import type { Caller } from '../caller.ts';

/** Entries kept. Past it the oldest go, whose tokens have most likely expired; operators are told. */
const defaultMost = 1_000_000;

export interface RevocationsOptions {
  readonly bus: Bus;
  readonly replicas: number;
  readonly report: (detail: string, error?: unknown) => void;
  /** Told of every new revocation. */
  readonly changed: () => void;
  readonly most?: number;
}

/** The edge's replica of KV `revocations`. */
export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #entries = new Map<string, Revocation>();
  #stop: () => void = () => {};
  #full = false;

  private constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /** Resolves when everything that is revoked now is known: no token may be believed before. */
  static async open(options: RevocationsOptions): Promise<Revocations> {
    const revocations = new Revocations(options);
    const bucket = await openBucket(options.bus, {
      name: revocationsBucket,
      replicas: options.replicas,
      perKeyTtl: true,
    });
    const read = Promise.withResolvers<void>();
    revocations.#stop = await bucket.watch({
      onChange: ({ key, value }) => revocations.#apply(key, value),
      onReady: () => read.resolve(),
    });
    await read.promise;
    return revocations;
  }

  /** Whether this token was taken back, or everything that its subject had when it was made. */
  revoked({ source, tokenId, identity, issuedAt }: Caller): boolean {
    if (this.#entries.size === 0 || source === null) return false;
    if (tokenId !== null && this.#entries.has(name('jti', source, tokenId))) return true;
    const entry = this.#entries.get(name('subject', source, identity.subject));
    // A token that does not say when it was made may be as old as any.
    return entry !== undefined && (issuedAt === null || issuedAt < entry.at);
  }

  /** Entries known. */
  get size(): number {
    return this.#entries.size;
  }

  stop(): void {
    this.#stop();
  }

  #apply(key: string, value: Uint8Array | null): void {
    const thing = parseRevocationKey(key);
    if (thing === null) return;
    const entry = name(thing.kind, thing.source, thing.id);
    if (value === null) {
      this.#entries.delete(entry);
      return;
    }
    this.#entries.set(entry, this.#decode(key, value));
    if (this.#entries.size > (this.#options.most ?? defaultMost)) this.#forgetOldest();
    this.#options.changed();
  }

  /** Somebody meant to revoke this: an entry that cannot be read counts from now on. */
  #decode(key: string, value: Uint8Array): Revocation {
    try {
      return decodeRevocation(value);
    } catch (error) {
      this.#options.report(`revocation ${key} cannot be read; it counts as made now`, error);
      return { at: Date.now(), until: null, reason: '' };
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest as string);
    if (this.#full) return;
    this.#full = true;
    this.#options.report('too many revocations: the oldest are forgotten; give them an end, or remove some');
  }
}

/** Sources are names of the document, which hold no space. */
function name(kind: 'jti' | 'subject', source: string, id: string): string {
  return `${kind} ${source} ${id}`;
}
