import type { CandleState } from './candle.ts';
import { amountScale, formatDecimal, parseDecimal } from './decimal.ts';
import { bucketStart } from './interval.ts';
import type { Side, Trade } from './trade.ts';

/** One-minute candles a ticker is made of: the last trade's minute and the 1,439 before it. */
export const tickerMinutes = 1_440;

/** The last day of a market. Over REST and in the live channel it is the same object. */
export interface Ticker {
  readonly symbol: string;
  /** Time of the last trade, ms. */
  readonly ts: number;
  readonly last: string;
  readonly last_size: string;
  readonly side: Side;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly volume: string;
  readonly quote_volume: string;
  readonly trades: number;
  /** `last` − `open`. */
  readonly change: string;
}

/** Start of the earliest minute that counts for a ticker whose last trade was at `lastTs`. */
export function tickerFrom(lastTs: number): number {
  return bucketStart('1m', lastTs) - (tickerMinutes - 1) * 60_000;
}

/**
 * The ticker of a market from its last trade and its one-minute candles, in any order; candles outside the window are
 * passed over. `minutes` must hold the last trade's own minute.
 */
export function toTicker(symbol: string, last: Trade, minutes: Iterable<CandleState>): Ticker {
  const from = tickerFrom(last.ts);
  let earliest: CandleState | undefined;
  let high = 0n;
  let low = 0n;
  let volume = 0n;
  let quoteVolume = 0n;
  let trades = 0;
  for (const candle of minutes) {
    if (candle.ts < from || candle.ts > last.ts) continue;
    if (!earliest || candle.high > high) high = candle.high;
    if (!earliest || candle.low < low) low = candle.low;
    if (!earliest || candle.ts < earliest.ts) earliest = candle;
    volume += candle.volume;
    quoteVolume += candle.quoteVolume;
    trades += candle.trades;
  }
  if (!earliest) throw new TypeError(`no candle of ${symbol} lies in the ticker's window`);
  const price = parseDecimal(last.price) as bigint;
  return {
    symbol,
    ts: last.ts,
    last: last.price,
    last_size: last.size,
    side: last.side,
    open: formatDecimal(earliest.open),
    high: formatDecimal(high),
    low: formatDecimal(low),
    volume: formatDecimal(volume),
    quote_volume: formatDecimal(quoteVolume, amountScale),
    trades,
    change: formatDecimal(price - earliest.open),
  };
}
