import { publishSubject } from '@sluice/live';
import { marketStreamName } from '@sluice/market';
import { consumeOrdered, lastMessages, streamState, type Bus, type ConsumedMessage } from '@sluice/nats';
import type { Logger } from '@sluice/telemetry';
import type { CheckpointStore } from './checkpoint.ts';
import { Checkpointer } from './checkpointer.ts';
import type { Market } from './market/market.ts';
import { Markets } from './markets.ts';
import type { BroadcasterMetrics } from './metrics.ts';
import { readPresent, type Pace, type Present } from './publish/channels.ts';
import { Conflator } from './publish/conflator.ts';
import { LiveWatch } from './publish/live-watch.ts';
import { Publisher, type Outgoing } from './publish/publisher.ts';

export interface BroadcastOptions {
  readonly bus: Bus;
  readonly store: CheckpointStore;
  readonly logger: Logger;
  readonly metrics: BroadcasterMetrics;
  /** Market events of the shard. */
  readonly filter: string;
  readonly replicas: number;
  readonly history: number;
  readonly maxBytes: number;
  readonly checkpointMs: number;
  readonly pace: Pace;
}

/** Events under way to the live stream at once. */
const window = 512;
/** Events that may wait before reading pauses. */
const longestQueue = 2_048;

/** What is known when a term begins. */
interface Beginning {
  readonly restored: ReadonlyMap<string, Market>;
  readonly present: ReadonlyMap<string, Present>;
  readonly watch: LiveWatch;
  readonly seq: number;
  readonly mark: number;
  readonly createdMs: number;
}

/**
 * One term as the active broadcaster of a shard: it begins with the checkpoint of the one before, reads the market stream
 * on from there, and leaves a checkpoint for the next.
 */
export class Broadcast {
  readonly #options: BroadcastOptions;
  readonly #watch: LiveWatch;
  readonly #publisher: Publisher;
  readonly #conflator: Conflator;
  readonly #checkpointer: Checkpointer;
  readonly #markets: Markets;
  /** Sequence of the newest market event in the state. */
  #seq: number;
  /** When the market stream was made: sequences of another one mean nothing here. */
  #createdMs: number;
  /** Up to this sequence events may have been broadcast before; null when it is passed. */
  #mark: number | null;
  #consumption: { stop(): Promise<void> } | undefined;
  #stopped = false;

  /** Takes over. Throws BusError when the checkpoint or the streams cannot be read. */
  static async start(options: BroadcastOptions): Promise<Broadcast> {
    const { bus, store, filter, replicas, history, maxBytes } = options;
    const watch = await LiveWatch.start({ bus, replicas, history, maxBytes });
    try {
      const { cursor, markets } = await store.restore();
      const { createdMs } = await streamState(bus, marketStreamName);
      const known = cursor?.createdMs === createdMs;
      const newest = await lastMessages(bus, marketStreamName, [filter]);
      const broadcast = new Broadcast(options, {
        restored: markets,
        present: await readPresent(bus),
        watch,
        seq: known ? cursor.seq : 0,
        mark: newest.at(-1)?.seq ?? 0,
        createdMs,
      });
      // Of quiet markets too: the next checkpoint says of all of them that they belong to this stream.
      if (!known) broadcast.#markets.resetSequences();
      await broadcast.#begin();
      return broadcast;
    } catch (error) {
      watch.stop();
      throw error;
    }
  }

  private constructor(options: BroadcastOptions, beginning: Beginning) {
    const { bus, store, logger, metrics } = options;
    this.#options = options;
    this.#watch = beginning.watch;
    this.#seq = beginning.seq;
    this.#mark = beginning.mark;
    this.#createdMs = beginning.createdMs;
    this.#conflator = new Conflator({
      publish: (channel, text, id) =>
        this.#publisher.publish({
          subject: publishSubject(channel),
          text,
          ...(id === undefined ? {} : { msgId: id }),
        }),
    });
    this.#publisher = new Publisher({
      bus,
      window,
      repair: () => this.#repair(),
      onUnsure: (subject) => this.#conflator.forget(channelOfSubject(subject)),
      onTrouble: (error) => {
        metrics.troubles.inc();
        logger.warn({ err: error }, 'publishing is interrupted');
      },
      onStored: (outgoing) => {
        this.#markets.stored(outgoing);
        this.#conflator.stored(channelOfSubject(outgoing.subject), outgoing.text);
      },
    });
    this.#checkpointer = new Checkpointer({
      store,
      logger,
      metrics,
      everyMs: options.checkpointMs,
      // Trades that were passed over as known are not certain to be so before the mark.
      position: () => (this.#mark === null ? { seq: this.#seq, createdMs: this.#createdMs } : null),
      published: () => this.#publisher.flushed(),
      lost: () => this.#markets.markAllDirty(),
    });
    this.#markets = new Markets({
      restored: beginning.restored,
      present: beginning.present,
      history: options.history,
      pace: options.pace,
      publisher: this.#publisher,
      conflator: this.#conflator,
      dirty: this.#checkpointer.dirty,
      logger,
      metrics,
    });
    this.#watch.onSuspicion = () => this.#publisher.interrupt();
  }

  /** `handover`: everything that was read is published and checkpointed first. Without it the term is simply over. */
  async stop(handover: boolean): Promise<void> {
    this.#checkpointer.callOff();
    this.#watch.stop();
    if (handover) {
      await this.#consumption?.stop();
      this.#conflator.drain();
      // Two writes at once would meet at the same revision, and the newer one could be refused.
      await this.#checkpointer.ended();
      await this.#checkpointer.write();
    }
    this.#stopped = true;
    this.#checkpointer.stop();
    this.#conflator.stop();
    this.#publisher.stop();
    if (!handover) await this.#consumption?.stop();
    await this.#checkpointer.ended();
  }

  async #begin(): Promise<void> {
    this.#markets.begin();
    this.#passMark();
    this.#consumption = await consumeOrdered(
      this.#options.bus,
      { stream: marketStreamName, filter: this.#options.filter, fromSeq: this.#seq + 1 },
      (batch) => this.#read(batch),
    );
    this.#checkpointer.plan();
  }

  async #read(batch: readonly ConsumedMessage[]): Promise<void> {
    for (const message of batch) {
      if (this.#stopped) return;
      // Sequences grow, unless the stream was lost and made anew.
      if (message.seq <= this.#seq) await this.#checkMarketStream();
      this.#markets.take(message);
      this.#seq = message.seq;
      this.#passMark();
      if (this.#publisher.pending > longestQueue) await this.#publisher.room(longestQueue / 2);
    }
    this.#options.metrics.sequence.set(this.#seq);
    this.#options.metrics.waiting.set(this.#publisher.pending);
    this.#conflator.flush();
  }

  /** From here on nobody can have broadcast before: states go out, too. */
  #passMark(): void {
    if (this.#mark === null || this.#seq < this.#mark) return;
    this.#mark = null;
    this.#markets.endReplay();
    this.#conflator.resume();
  }

  async #checkMarketStream(): Promise<void> {
    const { createdMs } = await streamState(this.#options.bus, marketStreamName);
    if (createdMs === this.#createdMs) return;
    this.#options.logger.warn('market stream began anew');
    this.#createdMs = createdMs;
    this.#markets.resetSequences();
  }

  /** After a failure: makes the live stream if it is gone. One that began anew first gets the newest trade of each market. */
  async #repair(): Promise<readonly Outgoing[]> {
    if (!(await this.#watch.renew())) return [];
    this.#options.logger.warn('live stream began anew');
    this.#conflator.forget();
    return this.#markets.newestStored();
  }
}

function channelOfSubject(subject: string): string {
  return subject.slice(publishSubject('').length);
}
