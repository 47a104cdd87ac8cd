import type { Logger } from '@sluice/telemetry';
import { CheckpointLostError, type CheckpointStore, type Cursor } from './checkpoint.ts';
import type { Market } from './market/market.ts';
import type { BroadcasterMetrics } from './metrics.ts';

export interface CheckpointerOptions {
  readonly store: Pick<CheckpointStore, 'snapshot' | 'write'>;
  readonly logger: Logger;
  readonly metrics: Pick<BroadcasterMetrics, 'checkpoints'>;
  /** Milliseconds from the end of one checkpoint to the next. */
  readonly everyMs: number;
  /** Up to where the markets are; null while no checkpoint may be written. */
  readonly position: () => Cursor | null;
  /** Resolves when everything that was published so far is in the live stream. */
  readonly published: () => Promise<void>;
  /** Nothing is left of the checkpoints of before: everything is to be marked as changed. */
  readonly lost: () => void;
}

/** Writes what changed, every now and then: a successor reads the market stream on from the last checkpoint. */
export class Checkpointer {
  /** Markets that changed since they were last written: whoever changes one adds it. */
  readonly dirty = new Set<Market>();
  readonly #options: CheckpointerOptions;
  #timer: NodeJS.Timeout | undefined;
  /** The last one that was planned. */
  #planned: Promise<void> = Promise.resolve();
  #calledOff = false;
  #stopped = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Plans the next checkpoint, and with its end the one after it. */
  plan(): void {
    this.#timer = setTimeout(() => {
      this.#planned = this.write().finally(() => {
        if (!this.#calledOff) this.plan();
      });
    }, this.#options.everyMs);
  }

  /** None is planned any more. One that is under way goes on: `ended` tells when it is over. */
  callOff(): void {
    this.#calledOff = true;
    clearTimeout(this.#timer);
  }

  /** Writes what changed. Never rejects: what could not be written is written with the next one. */
  async write(): Promise<void> {
    const { store, logger, metrics } = this.#options;
    const cursor = this.#options.position();
    if (this.dirty.size === 0 || cursor === null) return;
    const markets = [...this.dirty];
    this.dirty.clear();
    // Now, together with the cursor: while they are waited for, markets go on changing.
    const snapshots = markets.map((market) => store.snapshot(market));
    // A checkpoint says that everything up to it is in the live stream.
    await this.#options.published();
    if (this.#stopped) return;
    try {
      await store.write(snapshots, cursor);
      metrics.checkpoints.inc({ outcome: 'written' });
    } catch (error) {
      for (const market of markets) this.dirty.add(market);
      if (error instanceof CheckpointLostError) this.#options.lost();
      metrics.checkpoints.inc({ outcome: 'failed' });
      logger.warn({ err: error }, 'checkpoint could not be written');
    }
  }

  /** After `callOff`: one that still waits for the live stream is not written. */
  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when the last one that was planned is over. */
  ended(): Promise<void> {
    return this.#planned;
  }
}
