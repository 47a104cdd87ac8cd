import { candlesChannel, publishSubject, quotesChannel, tickerChannel, tradesChannel } from '@sluice/live';
import {
  encodeTrade,
  parseMarketSubject,
  parseTrade,
  toCandle,
  tradeMessageId,
  type Trade,
} from '@sluice/market';
import type { ConsumedMessage } from '@sluice/nats';
import type { Logger } from '@sluice/telemetry';
import { Market, type MarketChange, type TradeEvent } from './market/market.ts';
import { readQuote } from './market/read-quote.ts';
import type { BroadcasterMetrics } from './metrics.ts';
import {
  declareChannels,
  isNewer,
  newestTrades,
  stateChannels,
  type Pace,
  type Present,
} from './publish/channels.ts';
import type { Conflator } from './publish/conflator.ts';
import { Predecessor } from './publish/predecessor.ts';
import type { Outgoing, Publisher } from './publish/publisher.ts';

/** What channels of trades begin with. */
const tradesNamespace = tradesChannel('').slice(0, -1);

export interface MarketsOptions {
  /** As the checkpoint has them, by symbol. */
  readonly restored: ReadonlyMap<string, Market>;
  /** What the live stream held when the term began. */
  readonly present: ReadonlyMap<string, Present>;
  /** Events that the live stream keeps per channel. */
  readonly history: number;
  readonly pace: Pace;
  readonly publisher: Publisher;
  readonly conflator: Conflator;
  /** Gets every market that changes. */
  readonly dirty: Set<Market>;
  readonly logger: Logger;
  readonly metrics: BroadcasterMetrics;
}

/**
 * The markets of a shard: takes market events, and publishes what each of them changes. Until `endReplay` events may have
 * been broadcast before, and what the live stream has already is not published again.
 */
export class Markets {
  readonly #options: MarketsOptions;
  readonly #markets: Map<string, Market>;
  readonly #dirty: Set<Market>;
  readonly #publisher: Publisher;
  readonly #conflator: Conflator;
  readonly #predecessor: Predecessor;
  /** The newest trade of each trades channel that the live stream has stored. */
  readonly #stored = new Map<string, Outgoing>();
  #replaying = true;

  constructor(options: MarketsOptions) {
    this.#options = options;
    this.#markets = new Map(options.restored);
    this.#dirty = options.dirty;
    this.#publisher = options.publisher;
    this.#conflator = options.conflator;
    this.#predecessor = new Predecessor(newestTrades(options.present), options.history);
  }

  /** Makes the channels of the markets that were restored. */
  begin(): void {
    for (const market of this.#markets.values()) this.#enrol(market);
  }

  /** Counts an event in and publishes what it changes. One that is none is passed over. */
  take(message: ConsumedMessage): void {
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
          ? this.#trade(market, venue, parseTrade(message.data, message.timeMs), message.seq)
          : this.#quote(market, message);
      events.inc({ kind, outcome: known ? 'new' : 'repeated' });
    } catch (error) {
      // Whatever a feed sends, the events after it are still broadcast.
      events.inc({ kind, outcome: 'invalid' });
      this.#options.logger.debug({ err: error, seq: message.seq }, 'market event passed over');
    }
    return undefined;
  }

  /** From here on nobody can have broadcast before: nothing is taken for known any more. */
  endReplay(): void {
    this.#replaying = false;
    for (const [symbol, passed] of this.#predecessor.end())
      for (const event of passed) this.#publisher.publish(outgoingTrade(symbol, event));
  }

  /** The market stream began anew: sequences of the one before mean nothing. */
  resetSequences(): void {
    for (const market of this.#markets.values()) {
      market.resetSequences();
      this.#dirty.add(market);
    }
  }

  /** Nothing of their checkpoint is left: the next one has to hold all of them, not only those that change. */
  markAllDirty(): void {
    for (const market of this.#markets.values()) {
      market.markAllDirty();
      this.#dirty.add(market);
    }
  }

  /** To be told of everything that the live stream has stored. */
  stored(outgoing: Outgoing): void {
    const [, , namespace = '', symbol = ''] = outgoing.subject.split('.');
    if (namespace === tradesNamespace) this.#stored.set(symbol, outgoing);
    this.#options.metrics.published.inc({ channel: namespace });
  }

  /** The newest stored trade of each market, for a live stream that began anew. */
  newestStored(): readonly Outgoing[] {
    return [...this.#stored.values()];
  }

  /** Makes a market's channels. One that was restored is shown to a live stream that does not have it. */
  #enrol(market: Market): void {
    const { symbol, event } = market;
    const { metrics, pace, present } = this.#options;
    metrics.symbols.set(this.#markets.size);
    declareChannels(this.#conflator, market, pace, present);
    if (event === null) return;
    this.#predecessor.know(symbol, event);
    this.#stored.set(symbol, outgoingTrade(symbol, event));
    if (!present.has(tradesChannel(symbol))) this.#publisher.publish(outgoingTrade(symbol, event));
    for (const channel of stateChannels(symbol)) this.#conflator.touch(channel);
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
      if (!this.#replaying || isNewer(closed, this.#options.present.get(channel)))
        this.#conflator.final(channel, JSON.stringify(closed), `${channel}:${closed.ts}:${closed.trades}`);
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
}

function outgoingTrade(symbol: string, { text, msgId }: TradeEvent): Outgoing {
  return { subject: publishSubject(tradesChannel(symbol)), text, msgId };
}
