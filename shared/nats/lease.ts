import { openBucket, type Bucket } from './bucket.ts';
import type { Bus } from './bus.ts';
import { isBusError } from './errors.ts';
import { newName } from './inbox.ts';

/**
 * A named role that one process at a time holds, kept as a KV key that expires. The holder renews it at a third of its
 * time to live; who loses it is told before another can have it.
 */
export interface Lease {
  /** Asks the clock too: false as soon as the time is over, even when the process was paused and was not told yet. */
  readonly held: boolean;
  /** Stops trying. A holder's `onLost` runs first, then the role is given up, so that another need not wait for the expiry. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly name: string;
  /** Time to live in whole seconds, 3 s or more: how long the role may stay vacant after a crash. */
  readonly ttlMs: number;
  /** Who holds it, for people who look at the bucket. */
  readonly holder: string;
  /** Replicas of the bucket `leases`; default: what it has, 1 when it is new. */
  readonly replicas?: number;
}

export interface LeaseHandlers {
  /** Awaited; when it fails the lease is given up and tried for again. */
  onAcquired(): void | Promise<void>;
  /** Awaited. A fifth of the time to live remains for it before another can acquire. */
  onLost(): void | Promise<void>;
}

const shortestTtlMs = 3_000;

/** The holder gives up by its own clock after this part of the time to live without a renewal. */
const trusted = 0.8;

/** Keeps trying to hold the lease until released. Resolves when the first try is over, won or not. */
export async function holdLease(bus: Bus, options: LeaseOptions, handlers: LeaseHandlers): Promise<Lease> {
  const bucket = await openBucket(bus, {
    name: 'leases',
    perKeyTtl: true,
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
  });
  const holder = new LeaseHolder(bus, bucket, options, handlers);
  await holder.start();
  return holder;
}

class LeaseHolder implements Lease {
  readonly #bus: Bus;
  readonly #bucket: Bucket;
  readonly #name: string;
  readonly #ttlMs: number;
  readonly #handlers: LeaseHandlers;
  /** What we write; unique, so that a write whose answer was lost is recognised as ours. */
  readonly #value: string;
  /** Revision of our key; null while we do not hold it. */
  #revision: number | null = null;
  /** On the monotonic clock: until when nobody else can have it. */
  #until = 0;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  /** The steps against the bucket, one at a time. */
  #steps: Promise<void> = Promise.resolve();
  /** The calls of the handlers, one at a time: losing never overtakes acquiring. */
  #calls: Promise<void> = Promise.resolve();
  #unwanted = false;
  #released = false;
  #reported = false;
  #unwatch: () => void = () => {};

  constructor(bus: Bus, bucket: Bucket, options: LeaseOptions, handlers: LeaseHandlers) {
    this.#bus = bus;
    this.#bucket = bucket;
    this.#name = options.name;
    this.#ttlMs = Math.max(options.ttlMs, shortestTtlMs);
    this.#handlers = handlers;
    this.#value = JSON.stringify({ holder: options.holder, id: newName() });
  }

  get held(): boolean {
    return this.#revision !== null && performance.now() < this.#until;
  }

  async start(): Promise<void> {
    await this.#next();
    let taken = false;
    const tryIfFree = (): void => {
      if (!taken && this.#revision === null) void this.#next();
    };
    this.#unwatch = await this.#bucket.watch({
      keys: this.#name,
      onChange: ({ value }) => {
        taken = value !== null;
        tryIfFree();
      },
      // Given up between our first try and the watch, it shows only by its absence.
      onReady: tryIfFree,
    });
  }

  async release(): Promise<void> {
    if (this.#released) return this.#steps;
    this.#released = true;
    this.#unwatch();
    // The key is renewed until the work has ended, however long that takes.
    if (this.#revision !== null) this.#call(() => this.#handlers.onLost());
    await this.#calls;
    clearTimeout(this.#timer);
    clearTimeout(this.#expiry);
    this.#unwanted = true;
    await this.#next();
    clearTimeout(this.#timer);
  }

  #next(): Promise<void> {
    this.#steps = this.#steps.then(() => this.#step());
    return this.#steps;
  }

  #plan(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#next(), afterMs);
    this.#timer.unref();
  }

  /** Acquires, renews or gives up, whichever is due. Never rejects. */
  async #step(): Promise<void> {
    try {
      if (this.#unwanted) await this.#giveUp();
      else if (this.#revision !== null) await this.#renew(this.#revision);
      else if (!this.#released) await this.#acquire();
      this.#reported = false;
    } catch (error) {
      if (!this.#reported && !isBusError(error, 'disconnected'))
        this.#bus.report({ kind: 'stream', detail: `lease ${this.#name} is out of reach`, error });
      this.#reported = true;
      this.#plan(this.#ttlMs / 10);
    }
  }

  async #acquire(): Promise<void> {
    await this.#calls;
    const sent = performance.now();
    const revision = await this.#claim(0);
    if (revision === null) return this.#plan(this.#ttlMs / 2);
    this.#keep(revision, sent);
    this.#call(async () => {
      try {
        await this.#handlers.onAcquired();
      } catch (error) {
        this.#unwanted = true;
        void this.#next();
        throw error;
      }
    });
  }

  async #renew(present: number): Promise<void> {
    const sent = performance.now();
    const revision = await this.#claim(present);
    if (revision === null) this.#lose();
    // Its time ran out while the answer was under way: `onLost` was called, so it has to be acquired again.
    else if (this.#revision === null) this.#plan(0);
    else this.#keep(revision, sent);
  }

  /** Writes our key over revision `over`, or over a write of ours whose answer was lost. Null: somebody else has it. */
  async #claim(over: number): Promise<number | null> {
    const options = { ttlMs: this.#ttlMs, timeoutMs: this.#ttlMs / 3 };
    try {
      return await (over === 0
        ? this.#bucket.create(this.#name, this.#value, options)
        : this.#bucket.update(this.#name, this.#value, over, options));
    } catch (error) {
      if (!isBusError(error, 'rejected')) throw error;
      const found = await this.#bucket.get(this.#name);
      if (found === null) return null;
      if (found.revision === over) throw error;
      if (Buffer.from(found.value).toString() !== this.#value) return null;
      return this.#bucket.update(this.#name, this.#value, found.revision, options);
    }
  }

  #keep(revision: number, sent: number): void {
    this.#revision = revision;
    this.#until = sent + this.#ttlMs * trusted;
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#lose(), Math.max(this.#until - performance.now(), 0));
    this.#plan(this.#ttlMs / 3);
  }

  #lose(): void {
    clearTimeout(this.#expiry);
    if (this.#revision === null) return;
    this.#revision = null;
    // A holder that is being released has been told already.
    if (this.#released) return;
    this.#call(() => this.#handlers.onLost());
    this.#plan(0);
  }

  async #giveUp(): Promise<void> {
    this.#unwanted = false;
    clearTimeout(this.#expiry);
    const revision = this.#revision;
    this.#revision = null;
    this.#plan(this.#ttlMs / 2);
    if (revision !== null) await this.#bucket.delete(this.#name, revision);
  }

  #call(handler: () => void | Promise<void>): void {
    this.#calls = this.#calls.then(handler).catch((error: unknown) => {
      this.#bus.report({ kind: 'handler', detail: `handler of lease ${this.#name} failed`, error });
    });
  }
}
