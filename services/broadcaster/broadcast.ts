import { candlesChannel, publishSubject, quotesChannel, tickerChannel, tradesChannel } from '@sluice/live';
import {
  encodeTrade,
  marketStreamName,
  parseMarketSubject,
  parseTrade,
  toCandle,
  tradeMessageId,
  type Trade,
} from '@sluice/market';
import { consumeOrdered, lastMessages, streamState, type Bus, type ConsumedMessage } from '@sluice/nats';
import type { Logger } from '@sluice/telemetry';
import type { CheckpointStore } from './checkpoint.ts';
import { Market, type MarketChange, type TradeEvent } from './market/market.ts';
import { readQuote } from './market/read-quote.ts';
import type { BroadcasterMetrics } from './metrics.ts';
import {
  declareChannels,
  isNewer,
  newestTrades,
  readPresent,
  stateChannels,
  type Pace,
  type Present,
} from './publish/channels.ts';
import { Conflator } from './publish/conflator.ts';
import { LiveWatch } from './publish/live-watch.ts';
import { Predecessor } from './publish/predecessor.ts';
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
  readonly markets: Map<string, Market>;
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
  readonly #markets: Map<string, Market>;
  readonly #present: ReadonlyMap<string, Present>;
  readonly #watch: LiveWatch;
  readonly #predecessor: Predecessor;
  readonly #publisher: Publisher;
  readonly #conflator: Conflator;
  readonly #dirty = new Set<Market>();
  /** The newest trade of each trades channel that the live stream has stored. */
  readonly #stored = new Map<string, Outgoing>();
  /** Sequence of the newest market event in the state. */
  #seq: number;
  /** When the market stream was made: sequences of another one mean nothing here. */
  #createdMs: number;
  /** Up to this sequence events may have been broadcast before; null when it is passed. */
  #mark: number | null;
  #consumption: { stop(): Promise<void> } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checkpoints: Promise<void> = Promise.resolve();
  #stopped = false;

  /** Takes over. Throws BusError when the checkpoint or the streams cannot be read. */
  static async start(options: BroadcastOptions): Promise<Broadcast> {
    const { bus, store, filter, replicas, history, maxBytes } = options;
    const watch = await LiveWatch.start({ bus, replicas, history, maxBytes });
    try {
      const { cursor, markets } = await store.restore();
      const { createdMs } = await streamState(bus, marketStreamName);
      const known = cursor?.createdMs === createdMs;
      if (!known) for (const market of markets.values()) market.resetSequences();
      const newest = await lastMessages(bus, marketStreamName, [filter]);
      const broadcast = new Broadcast(options, {
        markets: new Map(markets),
        present: await readPresent(bus),
        watch,
        seq: known ? cursor.seq : 0,
        mark: newest.at(-1)?.seq ?? 0,
        createdMs,
      });
      await broadcast.#begin();
      return broadcast;
    } catch (error) {
      watch.stop();
      throw error;
    }
  }

  private constructor(options: BroadcastOptions, beginning: Beginning) {
    const { bus, logger, metrics } = options;
    this.#options = options;
    this.#markets = beginning.markets;
    this.#present = beginning.present;
    this.#watch = beginning.watch;
    this.#seq = beginning.seq;
    this.#mark = beginning.mark;
    this.#createdMs = beginning.createdMs;
    this.#predecessor = new Predecessor(newestTrades(beginning.present), options.history);
    this.#conflator = new Conflator({
      publish: (channel, text) => this.#publisher.publish({ subject: publishSubject(channel), text }),
    });
    this.#publisher = new Publisher({
      bus,
      window,
      repair: () => this.#repair(),
      onLost: (subject) => this.#conflator.forget(subject.slice(publishSubject('').length)),
      onTrouble: (error) => {
        metrics.troubles.inc();
        logger.warn({ err: error }, 'publishing is interrupted');
      },
      onStored: (outgoing) => this.#onStored(outgoing),
    });
    this.#watch.onSuspicion = () => this.#publisher.interrupt();
  }

  /** `handover`: everything that was read is published and checkpointed first. Without it the term is simply over. */
  async stop(handover: boolean): Promise<void> {
    clearTimeout(this.#timer);
    this.#watch.stop();
    if (handover) {
      await this.#consumption?.stop();
      this.#conflator.drain();
      await this.#checkpoint();
    }
    this.#stopped = true;
    this.#conflator.stop();
    this.#publisher.stop();
    if (!handover) await this.#consumption?.stop();
    await this.#checkpoints;
  }

  async #begin(): Promise<void> {
    for (const market of this.#markets.values()) this.#enrol(market);
    this.#passMark();
    this.#consumption = await consumeOrdered(
      this.#options.bus,
      { stream: marketStreamName, filter: this.#options.filter, fromSeq: this.#seq + 1 },
      (batch) => this.#read(batch),
    );
    this.#planCheckpoint();
  }

  /** Makes a market's channels. One that was restored is shown to a live stream that does not have it. */
  #enrol(market: Market): void {
    const { symbol, event } = market;
    this.#options.metrics.symbols.set(this.#markets.size);
    declareChannels(this.#conflator, market, this.#options.pace, this.#present);
    if (event === null) return;
    this.#predecessor.know(symbol, event);
    this.#stored.set(symbol, outgoingTrade(symbol, event));
    if (!this.#present.has(tradesChannel(symbol))) this.#publisher.publish(outgoingTrade(symbol, event));
    for (const channel of stateChannels(symbol)) this.#conflator.touch(channel);
  }

  async #read(batch: readonly ConsumedMessage[]): Promise<void> {
    for (const message of batch) {
      if (this.#stopped) return;
      // Sequences grow, unless the stream was lost and made anew.
      if (message.seq <= this.#seq) await this.#checkMarketStream();
      this.#take(message);
      this.#seq = message.seq;
      this.#passMark();
      if (this.#publisher.pending > longestQueue) await this.#publisher.room(longestQueue / 2);
    }
    this.#options.metrics.sequence.set(this.#seq);
    this.#options.metrics.waiting.set(this.#publisher.pending);
    this.#conflator.flush();
  }

  #take(message: ConsumedMessage): void {
    const { events } = this.#options.metrics;
    const subject = parseMarketSubject(message.subject);
    if (!subject) return events.inc({ kind: 'other', outcome: 'invalid' });
    const { kind, venue, symbol } = subject;
    const market = this.#marketOf(symbol);
    // The market's checkpoint is newer than the cursor.
    if (message.seq <= market.seq) return undefined;
    try {
      const known =
        kind === 'trade'
          ? this.#trade(market, venue, parseTrade(message.data), message.seq)
          : this.#quote(market, message);
      events.inc({ kind, outcome: known ? 'new' : 'repeated' });
    } catch (error) {
      // Whatever a feed sends, the events after it are still broadcast.
      events.inc({ kind, outcome: 'invalid' });
      this.#options.logger.debug({ err: error, seq: message.seq }, 'market event passed over');
    }
    return undefined;
  }

  #trade(market: Market, venue: string, trade: Trade, seq: number): boolean {
    const { symbol } = market;
    const changes = market.add(venue, trade, seq);
    this.#dirty.add(market);
    if (!changes) return false;
    const event = { text: encodeTrade(trade), msgId: tradeMessageId(venue, symbol, trade.id) };
    market.event = event;
    if (this.#predecessor.has(symbol, event)) this.#options.metrics.repeated.inc();
    else this.#publisher.publish(outgoingTrade(symbol, event));
    this.#conflator.touch(tickerChannel(symbol));
    this.#touchCandles(market, changes);
    return true;
  }

  #touchCandles(market: Market, changes: MarketChange): void {
    for (const { track, change } of changes) {
      if (change === 'none') continue;
      const channel = candlesChannel(market.symbol, track.interval);
      this.#conflator.touch(channel);
      if (change !== 'closed' || !track.previous) continue;
      const closed = toCandle(track.previous);
      if (this.#mark === null || isNewer(closed, this.#present.get(channel)))
        this.#conflator.final(channel, JSON.stringify(closed));
    }
  }

  #quote(market: Market, message: ConsumedMessage): boolean {
    const quote = readQuote(message.data);
    if (quote === undefined) throw new TypeError('payload is no quote');
    market.seq = message.seq;
    const known = market.quote === quote;
    market.quote = quote;
    this.#dirty.add(market);
    this.#conflator.touch(quotesChannel(market.symbol));
    return !known;
  }

  #marketOf(symbol: string): Market {
    let market = this.#markets.get(symbol);
    if (!market) {
      market = new Market(symbol);
      this.#markets.set(symbol, market);
      this.#enrol(market);
    }
    return market;
  }

  /** From here on nobody can have broadcast before: states go out, and nothing is taken for known any more. */
  #passMark(): void {
    if (this.#mark === null || this.#seq < this.#mark) return;
    this.#mark = null;
    for (const [symbol, passed] of this.#predecessor.end())
      for (const event of passed) this.#publisher.publish(outgoingTrade(symbol, event));
    this.#conflator.resume();
  }

  async #checkMarketStream(): Promise<void> {
    const { createdMs } = await streamState(this.#options.bus, marketStreamName);
    if (createdMs === this.#createdMs) return;
    this.#options.logger.warn('market stream began anew');
    this.#createdMs = createdMs;
    for (const market of this.#markets.values()) {
      market.resetSequences();
      this.#dirty.add(market);
    }
  }

  #onStored(outgoing: Outgoing): void {
    const [, , namespace = '', symbol = ''] = outgoing.subject.split('.');
    if (outgoing.msgId !== undefined) this.#stored.set(symbol, outgoing);
    this.#options.metrics.published.inc({ channel: namespace });
  }

  /** After a failure: makes the live stream if it is gone. One that began anew first gets the newest trade of each market. */
  async #repair(): Promise<readonly Outgoing[]> {
    if (!(await this.#watch.renew())) return [];
    this.#options.logger.warn('live stream began anew');
    this.#conflator.forget();
    return [...this.#stored.values()];
  }

  #planCheckpoint(): void {
    this.#timer = setTimeout(() => {
      this.#checkpoints = this.#checkpoint().finally(() => {
        if (!this.#stopped) this.#planCheckpoint();
      });
    }, this.#options.checkpointMs);
  }

  /** Writes what changed. Never rejects: what could not be written is written with the next one. */
  async #checkpoint(): Promise<void> {
    const { store, logger, metrics } = this.#options;
    // Trades that were passed over as known are not certain to be so before the mark.
    if (this.#dirty.size === 0 || this.#mark !== null) return;
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    const snapshots = dirty.map((market) => store.snapshot(market));
    const cursor = { seq: this.#seq, createdMs: this.#createdMs };
    // A checkpoint says that everything up to it is in the live stream.
    await this.#publisher.flushed();
    if (this.#stopped) return;
    try {
      await store.write(snapshots, cursor);
      metrics.checkpoints.inc({ outcome: 'written' });
    } catch (error) {
      for (const market of dirty) this.#dirty.add(market);
      metrics.checkpoints.inc({ outcome: 'failed' });
      logger.warn({ err: error }, 'checkpoint could not be written');
    }
  }
}

function outgoingTrade(symbol: string, { text, msgId }: TradeEvent): Outgoing {
  return { subject: publishSubject(tradesChannel(symbol)), text, msgId };
}
