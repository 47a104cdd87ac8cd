export type { CandleLine, CandlePageQuery } from './candles.ts';
export { isStoreError, StoreError } from './errors.ts';
export type { Order, Page, Range } from './page.ts';
export { retentionHorizon } from './retention.ts';
export { Store, type StoreOptions } from './store.ts';
export { tradeKey } from './trade-key.ts';
export type { TradePosition } from './trades.ts';
export type { TradeRow, TradeWriter, Written } from './writer.ts';
export type { SymbolPageQuery } from './tickers.ts';
