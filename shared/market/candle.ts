import { amountScale, formatDecimal, parseDecimal } from './decimal.ts';
import { compareTrades } from './trade-id.ts';
import type { Trade } from './trade.ts';

/** A candle on the wire: `ts` is the start of its bucket in ms, decimals are canonical text. */
export interface Candle {
  readonly ts: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
  readonly quote_volume: string;
  readonly trades: number;
}

/** A trade's place in the order of trades. */
interface Place {
  readonly ts: number;
  readonly id: string;
}

/**
 * A candle being made. Open and close remember which trade gave them, so trades may be added in any order, and candles
 * of parts merged in any order, with the same result. Prices and volume count in 10^-18, quote volume in 10^-36.
 */
export interface CandleState {
  readonly ts: number;
  open: bigint;
  high: bigint;
  low: bigint;
  close: bigint;
  volume: bigint;
  quoteVolume: bigint;
  trades: number;
  first: Place;
  last: Place;
}

/** The candle of one trade, in the bucket that starts at `ts`. The trade's decimals must be valid. */
export function candleOf(ts: number, trade: Trade): CandleState {
  const price = units(trade.price);
  const size = units(trade.size);
  const place = { ts: trade.ts, id: trade.id };
  return {
    ts,
    open: price,
    high: price,
    low: price,
    close: price,
    volume: size,
    quoteVolume: price * size,
    trades: 1,
    first: place,
    last: place,
  };
}

/** Adds a trade of the same bucket. The caller makes sure that no trade is added twice. */
export function addTrade(candle: CandleState, trade: Trade): void {
  mergeCandle(candle, candleOf(candle.ts, trade));
}

/** Merges `part` into `candle`: both hold different trades of the same bucket. */
export function mergeCandle(candle: CandleState, part: CandleState): void {
  if (compareTrades(part.first, candle.first) < 0) {
    candle.open = part.open;
    candle.first = part.first;
  }
  if (compareTrades(part.last, candle.last) > 0) {
    candle.close = part.close;
    candle.last = part.last;
  }
  if (part.high > candle.high) candle.high = part.high;
  if (part.low < candle.low) candle.low = part.low;
  candle.volume += part.volume;
  candle.quoteVolume += part.quoteVolume;
  candle.trades += part.trades;
}

export function toCandle(state: CandleState): Candle {
  return {
    ts: state.ts,
    open: formatDecimal(state.open),
    high: formatDecimal(state.high),
    low: formatDecimal(state.low),
    close: formatDecimal(state.close),
    volume: formatDecimal(state.volume),
    quote_volume: formatDecimal(state.quoteVolume, amountScale),
    trades: state.trades,
  };
}

/** A bucket without trades: the price stands still at the close before it. */
export function emptyCandle(ts: number, close: string): Candle {
  return {
    ts,
    open: close,
    high: close,
    low: close,
    close,
    volume: '0',
    quote_volume: '0',
    trades: 0,
  };
}

function units(text: string): bigint {
  const value = parseDecimal(text);
  if (value === undefined) throw new TypeError(`not a decimal: ${text}`);
  return value;
}
