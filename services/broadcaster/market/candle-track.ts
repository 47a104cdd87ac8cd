import { addTrade, bucketStart, candleOf, type CandleState, type Interval, type Trade } from '@sluice/market';

/** What a trade did to the candles of an interval. `closed`: a later bucket began. */
export type TrackChange = 'current' | 'previous' | 'closed' | 'none';

/**
 * The newest candle of an interval and the one before it. Trades that come a little late still reach the candle that has
 * just closed; what is older than that is history, which REST has.
 */
export class CandleTrack {
  readonly interval: Interval;
  current: CandleState | undefined;
  previous: CandleState | undefined;

  constructor(interval: Interval, current?: CandleState, previous?: CandleState) {
    this.interval = interval;
    this.current = current;
    this.previous = previous;
  }

  add(trade: Trade): TrackChange {
    const ts = bucketStart(this.interval, trade.ts);
    const { current, previous } = this;
    if (!current) {
      this.current = candleOf(ts, trade);
      return 'current';
    }
    if (ts === current.ts) {
      addTrade(current, trade);
      return 'current';
    }
    if (ts > current.ts) {
      this.previous = current;
      this.current = candleOf(ts, trade);
      return 'closed';
    }
    if (previous && ts < previous.ts) return 'none';
    if (previous && ts === previous.ts) addTrade(previous, trade);
    else this.previous = candleOf(ts, trade);
    return 'previous';
  }
}
