/** Best bid and offer as it travels in `market.quote.…` events. `ts` in ms since the epoch, decimals canonical. */
export interface Quote {
  readonly id: string;
  readonly ts: number;
  readonly bid: string;
  readonly bid_size: string;
  readonly ask: string;
  readonly ask_size: string;
}

/** The event's payload; members in the order of the documentation. */
export function encodeQuote(quote: Quote): string {
  return JSON.stringify({
    id: quote.id,
    ts: quote.ts,
    bid: quote.bid,
    bid_size: quote.bid_size,
    ask: quote.ask,
    ask_size: quote.ask_size,
  });
}
