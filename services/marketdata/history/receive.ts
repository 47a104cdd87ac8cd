import { SluiceError } from '@sluice/errors';
import { encodeTrade, maxAheadMs, tradeMessageId, tradeSubject, type Trade } from '@sluice/market';
import { publishStored, type Bus } from '@sluice/nats';
import type { TradesInput } from './trade-input.ts';

/** What receiving needs of the store. Rejects when the database is away. */
export interface KnownTrades {
  readonly healthy: boolean;
  find(symbol: string): Promise<number | undefined>;
  firstVenue(symbol: string): Promise<string | undefined>;
  /** The database's own horizon, which is that of the settings or higher. */
  horizon(): Promise<number>;
  stored(market: number, trades: readonly Trade[]): Promise<ReadonlySet<number>>;
}

export interface ReceiveOptions {
  /** Trades before this moment are not stored any more; undefined when all are. */
  readonly horizon: () => number | undefined;
}

export interface Received {
  readonly received: number;
  readonly new: number;
  readonly duplicates: number;
}

/** Time left for the answer when the publishes have had theirs, ms. */
const answerMs = 100;

/**
 * Takes trades over HTTP and puts them on the stream, as a feed does; it resolves when the stream has them all. Those
 * that the database has already are not published again. While it is away, the stream's own window of ids tells
 * duplicates, and the store sorts out the rest later. When it rejects, part of the batch may be on the stream: sending
 * the whole batch again is safe.
 */
export function tradeReceiver(
  bus: Bus,
  known: KnownTrades,
  options: ReceiveOptions,
): (symbol: string, body: TradesInput, deadline: number) => Promise<Received> {
  return async (symbol, { trades, venue: named }, deadline) => {
    refuseOutOfTime(trades, options.horizon());
    const { stored, venue, horizon } = await lookUp(known, symbol, trades, named);
    refuseOutOfTime(trades, horizon);
    const acks = await Promise.all(
      trades
        .filter((_, index) => !stored.has(index))
        .map((trade) =>
          publishStored(bus, tradeSubject(venue, symbol), encodeTrade(trade), {
            msgId: tradeMessageId(venue, symbol, trade.id),
            deadline: deadline - answerMs,
          }),
        ),
    );
    const fresh = acks.filter(({ duplicate }) => !duplicate).length;
    return { received: trades.length, new: fresh, duplicates: trades.length - fresh };
  };
}

async function lookUp(
  known: KnownTrades,
  symbol: string,
  trades: readonly Trade[],
  named: string | undefined,
): Promise<{ stored: ReadonlySet<number>; venue: string; horizon: number | undefined }> {
  const fallback = { stored: new Set<number>(), venue: named ?? 'http', horizon: undefined };
  // A database that is known to be away is not waited for: the feed's trades are safe on the stream.
  if (!known.healthy) return fallback;
  try {
    const [market, horizon] = await Promise.all([known.find(symbol), known.horizon()]);
    if (market === undefined) return { ...fallback, horizon };
    const [stored, venue] = await Promise.all([
      known.stored(market, trades),
      named ?? known.firstVenue(symbol),
    ]);
    return { stored, venue: venue ?? fallback.venue, horizon };
  } catch {
    return fallback;
  }
}

/**
 * They would be dropped in silence later: the candles of a time that is no longer kept cannot be changed any more, and a
 * trade of the future would hold its market still.
 */
function refuseOutOfTime(trades: readonly Trade[], horizon = Number.NEGATIVE_INFINITY): void {
  const latest = Date.now() + maxAheadMs;
  const errors = trades.flatMap(({ ts }, index) => {
    if (ts >= horizon && ts <= latest) return [];
    const detail =
      ts < horizon ? 'is before the time that trades are kept' : 'lies more than a minute in the future';
    return [{ in: 'body' as const, pointer: `/trades/${index}/ts`, detail }];
  });
  if (errors.length > 0)
    throw new SluiceError('invalid_parameters', 'The request is not what the endpoint expects.', { errors });
}
