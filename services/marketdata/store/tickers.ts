import { tickerMinutes } from '@sluice/market';
import type { Database } from './database.ts';
import type { Order, Page } from './page.ts';
import type { Statement } from './statement.ts';

export interface SymbolPageQuery {
  readonly order: Order;
  readonly limit: number;
  /** Last symbol of the page before. */
  readonly after: string | undefined;
  /** Only these; undefined for all. */
  readonly symbols: readonly string[] | undefined;
}

/** Reads markets and their tickers, by symbol. Rejects with StoreError. */
export class Tickers {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Markets as JSON: `{symbol, venues, trades, first_ts, last_ts, last}`. */
  async markets(query: SymbolPageQuery): Promise<Page<string>> {
    return await this.#page(marketPages[query.order], query);
  }

  /** Tickers as JSON, the shape of `Ticker` in @sluice/market. */
  async tickers(query: SymbolPageQuery): Promise<Page<string>> {
    return await this.#page(tickerPages[query.order], query);
  }

  /** One market's JSON, or undefined when nothing was ever stored under the symbol. */
  async market(symbol: string): Promise<string | undefined> {
    return await this.#one(marketPages.asc, symbol);
  }

  async ticker(symbol: string): Promise<string | undefined> {
    return await this.#one(tickerPages.asc, symbol);
  }

  async #one(statement: Statement, symbol: string): Promise<string | undefined> {
    const page = await this.#page(statement, { order: 'asc', limit: 1, after: undefined, symbols: [symbol] });
    return page.rows === '' ? undefined : page.rows;
  }

  async #page(statement: Statement, query: SymbolPageQuery): Promise<Page<string>> {
    const { after, symbols, limit } = query;
    const [row] = await this.#database.read(statement, [after ?? null, symbols ?? null, limit]);
    const [count, rows, last] = row as [number, string | null, string | null];
    return { rows: rows ?? '', next: count > limit ? last : null };
  }
}

const marketLine = `'{"symbol":"' || m.symbol || '","venues":' || (
    SELECT '[' || string_agg('"' || v.name || '"', ',' ORDER BY v.name) || ']'
    FROM market_venue mv JOIN venue v ON v.id = mv.venue_id WHERE mv.market_id = m.id)
  || ',"trades":' || m.trades || ',"first_ts":' || m.first_ts || ',"last_ts":' || m.last_ts
  || ',"last":"' || m.last_price || '"}'`;

const tickerLine = `'{"symbol":"' || m.symbol || '","ts":' || m.last_ts || ',"last":"' || m.last_price
  || '","last_size":"' || m.last_size || '","side":"' || CASE WHEN m.last_buy THEN 'buy' ELSE 'sell' END
  || '","open":"' || d.open || '","high":"' || d.high || '","low":"' || d.low || '","volume":"' || d.volume
  || '","quote_volume":"' || d.quote_volume || '","trades":' || d.trades
  || ',"change":"' || trim_scale(m.last_price - d.open) || '"}'`;

/**
 * The last day of a market: its 1,440 minutes up to the last trade's. The whole hours among them are read as hours, some
 * eighty rows instead of 1,440; one statement sees one state, in which both agree.
 */
const lastDay = `CROSS JOIN LATERAL (
    SELECT m.last_ts - m.last_ts % 60000 AS last_minute,
           m.last_ts - m.last_ts % 60000 - ${(tickerMinutes - 1) * 60_000} AS first_minute,
           m.last_ts - m.last_ts % 3600000 AS last_hour
  ) AS b CROSS JOIN LATERAL (
    SELECT (b.first_minute + 3599999) / 3600000 * 3600000 AS first_hour
  ) AS h CROSS JOIN LATERAL (
    SELECT (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high, min(low) AS low,
           trim_scale(sum(volume)) AS volume, trim_scale(sum(quote_volume)) AS quote_volume, sum(trades) AS trades
    FROM (
      SELECT ts, open, high, low, volume, quote_volume, trades FROM candle_1m
      WHERE market_id = m.id AND ts >= b.first_minute AND ts < h.first_hour
      UNION ALL
      SELECT ts, open, high, low, volume, quote_volume, trades FROM candle_1h
      WHERE market_id = m.id AND ts >= h.first_hour AND ts < b.last_hour
      UNION ALL
      SELECT ts, open, high, low, volume, quote_volume, trades FROM candle_1m
      WHERE market_id = m.id AND ts >= b.last_hour AND ts <= b.last_minute
    ) AS part
  ) AS d`;

/** $1 symbol to go on after, $2 symbols or null, $3 limit. */
function symbolPage(name: string, order: Order, line: string, join: string): Statement {
  const [direction, beyond] = order === 'asc' ? ['ASC', '>'] : ['DESC', '<'];
  return {
    name: `${name}_${order}`,
    text: `
SELECT count(*)::int, string_agg(line, ',' ORDER BY n) FILTER (WHERE n <= $3::int), max(symbol) FILTER (WHERE n = $3::int)
FROM (
  SELECT m.n, m.symbol, ${line} AS line FROM (
    SELECT row_number() OVER () AS n, * FROM (
      SELECT * FROM market
      WHERE trades > 0 AND ($1::text IS NULL OR symbol ${beyond} $1) AND ($2::text[] IS NULL OR symbol = ANY($2))
      ORDER BY symbol ${direction} LIMIT $3::int + 1
    ) AS found
  ) AS m ${join} ORDER BY m.n
) AS page`,
  };
}

const marketPages = {
  asc: symbolPage('markets', 'asc', marketLine, ''),
  desc: symbolPage('markets', 'desc', marketLine, ''),
};
const tickerPages = {
  asc: symbolPage('tickers', 'asc', tickerLine, lastDay),
  desc: symbolPage('tickers', 'desc', tickerLine, lastDay),
};
