import {
  compareTrades,
  intervals,
  toCandle,
  toTicker,
  type Candle,
  type Interval,
  type Ticker,
  type Trade,
} from '@sluice/market';
import { packCandle, unpackCandle, type PackedCandle } from './candle-state.ts';
import { CandleTrack, type TrackChange } from './candle-track.ts';
import { DayRing, type PackedHour } from './day-ring.ts';
import { SeenTrades, type SeenDay } from './seen.ts';

/** The newest event of the trades channel: what a live stream that began anew is given first. */
export interface TradeEvent {
  readonly text: string;
  readonly msgId: string;
}

/** A market as it is checkpointed, without the hours of its ticker. */
export interface PackedMarket {
  readonly v: 1;
  readonly symbol: string;
  /** Sequence of the market event up to which this is complete. */
  readonly seq: number;
  readonly last: Trade | null;
  readonly event: TradeEvent | null;
  readonly quote: string | null;
  readonly seen: readonly SeenDay[];
  readonly candles: Readonly<Record<string, readonly PackedCandle[]>>;
}

/** What a trade changed: every interval whose candle is another now. */
export type MarketChange = readonly { readonly track: CandleTrack; readonly change: TrackChange }[];

/**
 * The live state of one market: what its candles and ticker are made of, and which trades are in them. Each trade counts
 * once, whatever is repeated, and in any order of arrival.
 */
export class Market {
  readonly symbol: string;
  /** Sequence of the newest market event in it. */
  seq = 0;
  event: TradeEvent | null = null;
  quote: string | null = null;
  readonly #tracks: ReadonlyMap<Interval, CandleTrack>;
  readonly #ring = new DayRing();
  readonly #seen: SeenTrades;
  #last: Trade | null = null;
  /** Intervals whose previous candle changed and was not taken yet. */
  readonly #late = new Set<Interval>();
  /** Hours of the ticker that changed since the last checkpoint. */
  #dirtyHours = new Set<number>();

  constructor(symbol: string, packed?: PackedMarket, hours: readonly PackedHour[] = []) {
    this.symbol = symbol;
    const tracks = intervals.map((interval): [Interval, CandleTrack] => {
      const [current, previous] = (packed?.candles[interval] ?? []).map(unpackCandle);
      return [interval, new CandleTrack(interval, current, previous)];
    });
    this.#tracks = new Map(tracks);
    this.#seen = SeenTrades.restore(packed?.seen ?? []);
    if (!packed) return;
    this.seq = packed.seq;
    this.#last = packed.last;
    this.event = packed.event;
    this.quote = packed.quote;
    for (const hour of hours) this.#ring.restore(hour);
  }

  /** Counts a trade in. Null when it was counted before. */
  add(venue: string, trade: Trade, seq: number): MarketChange | null {
    this.seq = seq;
    if (!this.#seen.add(venue, trade)) return null;
    if (!this.#last || compareTrades(trade, this.#last) > 0) this.#last = trade;
    this.#ring.add(trade, seq, this.#last.ts);
    this.#dirtyHours.add(trade.ts - (trade.ts % 3_600_000));
    return [...this.#tracks.values()].map((track) => {
      const change = track.add(trade);
      if (change === 'previous') this.#late.add(track.interval);
      return { track, change };
    });
  }

  /** Null before the first trade. */
  ticker(): Ticker | null {
    return this.#last && toTicker(this.symbol, this.#last, this.#ring.parts(this.#last.ts));
  }

  candle(interval: Interval): Candle | null {
    const current = this.#tracks.get(interval)?.current;
    return current ? toCandle(current) : null;
  }

  /** The candle before the newest, which can still change. */
  previousCandle(interval: Interval): Candle | null {
    const previous = this.#tracks.get(interval)?.previous;
    return previous ? toCandle(previous) : null;
  }

  /** Whether the candle before the newest changed since this was last asked. */
  takeLate(interval: Interval): boolean {
    return this.#late.delete(interval);
  }

  pack(): PackedMarket {
    const candles = [...this.#tracks].map(([interval, { current, previous }]) => [
      interval,
      [current, previous].flatMap((candle) => (candle ? [packCandle(candle)] : [])),
    ]);
    return {
      v: 1,
      symbol: this.symbol,
      seq: this.seq,
      last: this.#last,
      event: this.event,
      quote: this.quote,
      seen: this.#seen.snapshot(),
      candles: Object.fromEntries(candles) as PackedMarket['candles'],
    };
  }

  /** Hours that changed since this was last called. */
  packDirtyHours(): PackedHour[] {
    const dirty = this.#dirtyHours;
    this.#dirtyHours = new Set();
    return [...dirty].flatMap((start) => this.#ring.pack(start) ?? []);
  }

  /** Hours that were packed and could not be written. */
  markDirty(hours: readonly PackedHour[]): void {
    for (const { start } of hours) this.#dirtyHours.add(start);
  }

  /** No hour that is stored counts any more. */
  markAllDirty(): void {
    this.#dirtyHours = new Set(this.#ring.starts());
  }

  /** The market stream began anew. Every hour is to be stored again: the sequence of before would pass over new trades. */
  resetSequences(): void {
    this.seq = 0;
    this.#ring.resetSequences();
    this.markAllDirty();
  }
}
