/** Names of markets and venues, and the subjects made of them. */

const symbolPattern = /^[A-Z0-9][A-Z0-9_-]{0,31}$/;
const venuePattern = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** The grammar in words, for error messages. */
export const symbolRule = '1 to 32 of A–Z, 0–9, "_" and "-", beginning with a letter or digit';
export const venueRule = '1 to 32 of a–z, 0–9, "_" and "-", beginning with a letter or digit';

/** `BTCUSDT`, `ETH-PERP`: the name of a market. Neither dots nor wildcards, so it is always one token of a subject. */
export function isSymbol(text: string): boolean {
  return symbolPattern.test(text);
}

/** `binance`, `http`: where a trade took place. */
export function isVenue(text: string): boolean {
  return venuePattern.test(text);
}

/** What feeds publish to; `venue` and `symbol` must be valid. */
export function tradeSubject(venue: string, symbol: string): string {
  return `market.trade.${venue}.${symbol}`;
}

export function quoteSubject(venue: string, symbol: string): string {
  return `market.quote.${venue}.${symbol}`;
}

/** `Nats-Msg-Id` of a trade: the stream keeps one message per id within its duplicate window. */
export function tradeMessageId(venue: string, symbol: string, id: string): string {
  return `${venue}:${symbol}:${id}`;
}

/** Venue and symbol of a `market.trade.…` or `market.quote.…` subject, or undefined when it is not one. */
export function parseMarketSubject(
  subject: string,
): { kind: 'trade' | 'quote'; venue: string; symbol: string } | undefined {
  const [root, kind, venue, symbol, ...rest] = subject.split('.');
  if (root !== 'market' || (kind !== 'trade' && kind !== 'quote') || rest.length > 0) return undefined;
  if (venue === undefined || symbol === undefined || !isVenue(venue) || !isSymbol(symbol)) return undefined;
  return { kind, venue, symbol };
}
