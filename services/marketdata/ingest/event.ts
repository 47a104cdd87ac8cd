import { parseMarketSubject, parseTrade, TradeFormatError, type Trade } from '@sluice/market';

/** A trade with the names from its subject. */
export interface TradeEvent {
  readonly venue: string;
  readonly symbol: string;
  readonly trade: Trade;
}

/** What is read of a message of the stream; `timeMs` is when the stream took it. */
interface StoredEvent {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly timeMs: number;
}

const mostSubjects = 50_000;

/**
 * Reads trade events. Subjects repeat and their parts are looked up rather than parsed again; the table starts over when
 * somebody publishes to ever new ones. Throws TradeFormatError.
 */
export function eventReader(): (event: StoredEvent) => TradeEvent {
  const subjects = new Map<string, { venue: string; symbol: string }>();
  return ({ subject, data, timeMs }) => {
    let names = subjects.get(subject);
    if (!names) {
      const parsed = parseMarketSubject(subject);
      if (parsed?.kind !== 'trade')
        throw new TradeFormatError('subject is not market.trade.<venue>.<symbol>');
      names = { venue: parsed.venue, symbol: parsed.symbol };
      if (subjects.size >= mostSubjects) subjects.clear();
      subjects.set(subject, names);
    }
    return { venue: names.venue, symbol: names.symbol, trade: parseTrade(data, timeMs) };
  };
}
