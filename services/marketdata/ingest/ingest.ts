import { marketStreamName, TradeFormatError, tradeFilter } from '@sluice/market';
import { consumeBatches, type Bus, type ConsumedMessage, type Consumption } from '@sluice/nats';
import type { Metrics } from '../metrics.ts';
import { isStoreError, type TradeRow, type Written } from '../store/mod.ts';
import { eventReader, type TradeEvent } from './event.ts';

/** Durable consumer that all replicas share. */
const durable = 'marketdata';

/** A batch whose worker was killed goes to another replica after this; one that is being written for longer is kept. */
const ackWaitMs = 15_000;

/** What the ingest needs of the store. A batch may be written any number of times. */
export interface TradeSink {
  write(rows: readonly TradeRow[]): Promise<Written>;
}

export interface IngestOptions {
  readonly maxBatch: number;
  readonly maxWaitMs: number;
  /** Trades before this moment are not stored any more; undefined when all are. */
  readonly horizon: () => number | undefined;
  readonly metrics: Metrics;
  /** Told of every event that is no trade. */
  readonly onRejected: (event: { subject: string; seq: number; reason: string }) => void;
}

interface Taken extends TradeEvent {
  readonly message: ConsumedMessage;
}

/**
 * Moves trades from the stream into the store: a batch is acknowledged when it is committed, and handed back when the
 * store fails, so an outage of the database costs time and nothing else. Events that are no trades are told and dropped
 * for good; they never hold up the others.
 */
export class Ingest {
  readonly #bus: Bus;
  readonly #options: IngestOptions;
  readonly #read = eventReader();
  #consumption: Consumption | undefined;
  #stopped = false;

  constructor(bus: Bus, options: IngestOptions) {
    this.#bus = bus;
    this.#options = options;
  }

  /** Begins to consume. Rejects with BusError when the stream is missing. */
  async start(sink: TradeSink): Promise<void> {
    if (this.#stopped) return;
    const { maxBatch, maxWaitMs } = this.#options;
    this.#consumption = await consumeBatches(
      this.#bus,
      { stream: marketStreamName, durable, filter: tradeFilter, maxBatch, maxWaitMs, ackWaitMs },
      (batch) => this.#handle(sink, batch),
    );
    if (this.#stopped) await this.#consumption.stop();
  }

  /** Resolves when the batch that is being written is written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#consumption?.stop();
  }

  async #handle(sink: TradeSink, batch: readonly ConsumedMessage[]): Promise<void> {
    const { metrics } = this.#options;
    const taken = this.#take(batch);
    const end = metrics.batchSeconds.startTimer();
    try {
      await this.#write(sink, taken);
    } catch (error) {
      end({ outcome: 'failed' });
      throw error;
    }
    end({ outcome: 'stored' });
    metrics.batchTrades.observe(batch.length);
    const oldest = batch.reduce((least, { timeMs }) => Math.min(least, timeMs), Number.POSITIVE_INFINITY);
    metrics.ingestDelay.set(Math.max(0, Date.now() - oldest) / 1_000);
  }

  #take(batch: readonly ConsumedMessage[]): Taken[] {
    const horizon = this.#options.horizon();
    const taken: Taken[] = [];
    for (const message of batch) {
      try {
        const { venue, symbol, trade } = this.#read(message);
        if (horizon !== undefined && trade.ts < horizon)
          this.#options.metrics.trades.inc({ outcome: 'expired' });
        else taken.push({ venue, symbol, trade, message });
      } catch (error) {
        if (!(error instanceof TradeFormatError)) throw error;
        this.#reject(message, error.message);
      }
    }
    return taken;
  }

  /**
   * What the database calls bad data would fail for ever and hold up all that comes after it. Halves are tried until
   * the event that it objects to is found and rejected. A batch that is too much for it (trades of thousands of days
   * touch as many tables) goes in parts as well.
   */
  async #write(sink: TradeSink, taken: readonly Taken[]): Promise<void> {
    const [first] = taken;
    if (!first) return;
    try {
      const { stored, duplicates, expired } = await sink.write(taken);
      this.#options.metrics.trades.inc({ outcome: 'stored' }, stored);
      this.#options.metrics.trades.inc({ outcome: 'duplicate' }, duplicates);
      this.#options.metrics.trades.inc({ outcome: 'expired' }, expired);
    } catch (error) {
      const bad = isStoreError(error, 'bad_data');
      if (!bad && !(isStoreError(error, 'exhausted') && taken.length > 1)) throw error;
      if (bad && taken.length === 1) return this.#reject(first.message, error.message);
      const half = Math.ceil(taken.length / 2);
      await this.#write(sink, taken.slice(0, half));
      await this.#write(sink, taken.slice(half));
    }
  }

  #reject(message: ConsumedMessage, reason: string): void {
    message.reject(reason);
    this.#options.metrics.trades.inc({ outcome: 'rejected' });
    this.#options.onRejected({ subject: message.subject, seq: message.seq, reason });
  }
}
