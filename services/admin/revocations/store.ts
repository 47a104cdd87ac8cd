import { isWrongRevision, type Bucket, type BucketEntry } from '@sluice/nats';
import {
  decodeRevocation,
  parseRevocationKey,
  revocationKey,
  type Revocation,
  type RevokedThing,
} from '@sluice/policy';
import { preconditionFailed } from '../http/precondition.ts';

export interface StoredRevocation {
  /** Its key in the bucket, for paths. */
  readonly id: string;
  readonly thing: RevokedThing;
  readonly revocation: Revocation;
  readonly revision: number;
}

/** Per-key time to live is whole seconds, and at least one. */
const leastTtlMs = 1_000;
/** nats-server counts nanoseconds in 64 bits, 292 years; what ends after a century just stays. */
const mostTtlMs = 100 * 365 * 86_400_000;

/** Revocations in KV `revocations`. Throws BusError, and SluiceError `precondition_failed` for a revision that is another. */
export class RevocationStore {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async get(id: string): Promise<StoredRevocation | null> {
    if (parseRevocationKey(id) === null) return null;
    const entry = await this.#bucket.get(id);
    return entry === null ? null : read(entry);
  }

  /** Its key in the bucket. */
  idOf(thing: RevokedThing): string {
    return revocationKey(thing);
  }

  find(thing: RevokedThing): Promise<StoredRevocation | null> {
    return this.get(revocationKey(thing));
  }

  async page(
    after: number,
    limit: number,
  ): Promise<{ revocations: StoredRevocation[]; next: number | null }> {
    const { entries, next } = await this.#bucket.page({ after, limit });
    return { revocations: entries.map(read).filter((each) => each !== null), next };
  }

  /** Writes over `revision`, null where nothing may be there yet. */
  async write(thing: RevokedThing, revocation: Revocation, revision: number | null): Promise<number> {
    const key = revocationKey(thing);
    const value = JSON.stringify(revocation);
    const ttlMs = Math.max((revocation.until ?? Number.POSITIVE_INFINITY) - Date.now(), leastTtlMs);
    const options = ttlMs > mostTtlMs ? {} : { ttlMs };
    try {
      return await (revision === null
        ? this.#bucket.create(key, value, options)
        : this.#bucket.update(key, value, revision, options));
    } catch (error) {
      throw isWrongRevision(error) ? preconditionFailed(error) : error;
    }
  }

  async remove(id: string, revision: number): Promise<void> {
    try {
      await this.#bucket.delete(id, revision);
    } catch (error) {
      throw isWrongRevision(error) ? preconditionFailed(error) : error;
    }
  }
}

/** Null for something else that somebody put into the bucket. */
function read({ key, value, revision }: BucketEntry): StoredRevocation | null {
  const thing = parseRevocationKey(key);
  return thing === null ? null : { id: key, thing, revocation: decodeRevocation(value), revision };
}
