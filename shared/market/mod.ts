export {
  addTrade,
  candleOf,
  emptyCandle,
  mergeCandle,
  toCandle,
  type Candle,
  type CandleState,
} from './candle.ts';
export {
  amountScale,
  canonicalPositive,
  decimalRule,
  formatDecimal,
  numberText,
  parseDecimal,
  priceScale,
} from './decimal.ts';
export {
  bucketAfter,
  bucketCeil,
  bucketStart,
  intervalLength,
  intervalOrigin,
  intervals,
  isInterval,
  type Interval,
} from './interval.ts';
export { encodeQuote, type Quote } from './quote.ts';
export { defaultMarketMaxBytes, marketStream, marketStreamName, tradeFilter } from './stream.ts';
export {
  isSymbol,
  isVenue,
  parseMarketSubject,
  quoteSubject,
  symbolRule,
  tradeMessageId,
  tradeSubject,
  venueRule,
} from './symbol.ts';
export { tickerFrom, tickerMinutes, toTicker, type Ticker } from './ticker.ts';
export { compareTradeIds, compareTrades, isIntegerId, isTradeId, tradeIdRule } from './trade-id.ts';
export {
  encodeTrade,
  isTs,
  maxAheadMs,
  maxTs,
  parseTrade,
  TradeFormatError,
  type Side,
  type Trade,
} from './trade.ts';
