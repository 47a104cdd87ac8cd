import type { Database } from './database.ts';
import type { Order, Page, Range } from './page.ts';
import type { Statement } from './statement.ts';
import { tradeIdSql, tradeKey } from './trade-key.ts';

/** A trade's place in the order of trades; `key` as the database keeps it. */
export interface TradePosition {
  readonly ts: number;
  readonly key: string;
}

export interface TradePageQuery extends Range {
  readonly market: number;
  readonly order: Order;
  readonly limit: number;
  /** Last trade of the page before. */
  readonly after: TradePosition | undefined;
}

const tradeLine = `'{"id":"' || ${tradeIdSql('key')} || '","ts":' || ts || ',"price":"' || price
  || '","size":"' || size || '","side":"' || CASE WHEN buy THEN 'buy' ELSE 'sell' END || '"}'`;

/** Reads stored trades. Rejects with StoreError. */
export class Trades {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Trades of a market in order of (ts, id), from a place on: rows that come in meanwhile shift nothing. */
  async page(query: TradePageQuery): Promise<Page<TradePosition>> {
    const { order, from, to, after } = query;
    // No key sorts before the empty one: it stands for "before every trade of that millisecond".
    const edge = after ?? (order === 'asc' ? { ts: from, key: '' } : { ts: to, key: '' });
    const [row] = await this.#database.read(order === 'asc' ? pageAscending : pageDescending, [
      query.market,
      order === 'asc' ? Math.max(from, edge.ts) : from,
      order === 'asc' ? to : Math.min(to, edge.ts + 1),
      edge.ts,
      edge.key,
      query.limit,
    ]);
    const [count, rows, ts, key] = row as [number, string | null, string | null, string | null];
    return {
      rows: rows ?? '',
      next: count > query.limit && ts !== null && key !== null ? { ts: Number(ts), key } : null,
    };
  }

  /** Which of these trades are stored, by their place in the list. */
  async stored(
    market: number,
    trades: readonly { readonly ts: number; readonly id: string }[],
  ): Promise<Set<number>> {
    const rows = await this.#database.read(storedTrades, [
      market,
      trades.map(({ ts }) => ts),
      trades.map(({ id }) => tradeKey(id)),
    ]);
    return new Set(rows.map(([index]) => index as number));
  }
}

/**
 * One more row than the page holds says whether more follow. The range is given twice, as a plain one, which leaves out
 * partitions and chunks, and as the row comparison that the index seeks to.
 */
function pageStatement(name: string, order: Order): Statement {
  const [direction, beyond] = order === 'asc' ? ['ASC', '>'] : ['DESC', '<'];
  return {
    name,
    text: `
SELECT count(*)::int, string_agg(line, ',' ORDER BY n) FILTER (WHERE n <= $6::int),
       max(ts) FILTER (WHERE n = $6::int), max(key) FILTER (WHERE n = $6::int)
FROM (
  SELECT row_number() OVER () AS n, ts, key, ${tradeLine} AS line FROM (
    SELECT ts, key, price, size, buy FROM trade
    WHERE market_id = $1 AND ts >= $2 AND ts < $3 AND (ts, key) ${beyond} ($4, $5)
    ORDER BY ts ${direction}, key ${direction} LIMIT $6::int + 1
  ) AS found
) AS numbered`,
  };
}

const pageAscending = pageStatement('trades_asc', 'asc');
const pageDescending = pageStatement('trades_desc', 'desc');

const storedTrades: Statement = {
  name: 'trades_stored',
  text: `SELECT (s.n - 1)::int FROM unnest($2::bigint[], $3::text[]) WITH ORDINALITY AS s(ts, key, n)
         WHERE EXISTS (SELECT FROM trade t WHERE t.market_id = $1 AND t.ts = s.ts AND t.key = s.key)`,
};
