/**
 * A named role that one process at a time holds, kept as a KV key that expires. The holder renews it at a third of its
 * time to live; who loses it is told before another can have it.
 */
export interface Lease {
  readonly held: boolean;
  /** Gives the role up at once, so that another replica need not wait for the expiry. */
  release(): Promise<void>;
}
