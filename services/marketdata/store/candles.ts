import { bucketCeil, type Interval } from '@sluice/market';
import { candlePage } from './candle-page.ts';
import { candleSql, type CandleSql } from './candles-sql.ts';
import type { Database } from './database.ts';
import type { Order, Page, Range } from './page.ts';

export interface CandlePageQuery extends Range {
  readonly market: number;
  readonly interval: Interval;
  readonly order: Order;
  readonly limit: number;
}

/** A candle with what filling gaps needs beside its text. */
export interface CandleLine {
  readonly ts: number;
  readonly line: string;
  readonly close: string;
}

/** Reads candles of every interval. Rejects with StoreError. */
export class Candles {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Candles whose buckets begin in the range; `next` is the start of the last one of the page. */
  async page(query: CandlePageQuery): Promise<Page<number>> {
    const { interval, order, limit } = query;
    const [row] = await this.#database.read(statements(interval, order).page, this.#values(query, limit));
    const [count, rows] = row as [number, string | null];
    return candlePage(rows ?? '', count, limit);
  }

  /** Every candle whose bucket begins in the range, ascending; the range must hold `limit` buckets at most. */
  async lines(query: Omit<CandlePageQuery, 'order'>): Promise<CandleLine[]> {
    const rows = await this.#database.read(
      statements(query.interval, 'asc').lines,
      this.#values(query, query.limit),
    );
    return rows.map(([ts, line, close]) => ({
      ts: Number(ts),
      line: line as string,
      close: close as string,
    }));
  }

  /** Price of the last trade before `ts`, a bucket's start; undefined when there was none. */
  async closeBefore(market: number, interval: Interval, ts: number): Promise<string | undefined> {
    const [row] = await this.#database.read(statements(interval, 'asc').closeBefore, [market, ts]);
    return (row?.[0] as string | null | undefined) ?? undefined;
  }

  /** First and last trade's times; 1s candles reach back only as far as trades are kept. */
  async span(market: number, interval: Interval): Promise<{ first: number; last: number } | undefined> {
    const [row] = await this.#database.read(interval === '1s' ? tradeSpan : marketSpan, [market]);
    const [first, last] = (row ?? [null, null]) as [string | null, string | null];
    return first === null || last === null ? undefined : { first: Number(first), last: Number(last) };
  }

  /** Bounds are bucket starts: a bucket is whole or not there, never cut. */
  #values({ interval, market, from, to }: Omit<CandlePageQuery, 'order'>, limit: number): unknown[] {
    return [market, bucketCeil(interval, from), bucketCeil(interval, to), limit];
  }
}

const cache = new Map<string, CandleSql>();

function statements(interval: Interval, order: Order): CandleSql {
  const key = `${interval}_${order}`;
  let sql = cache.get(key);
  if (!sql) cache.set(key, (sql = candleSql(interval, order)));
  return sql;
}

const marketSpan = {
  name: 'candles_span',
  text: 'SELECT first_ts, last_ts FROM market WHERE id = $1',
};
const tradeSpan = {
  name: 'candles_span_trades',
  text: `SELECT (SELECT ts FROM trade WHERE market_id = $1 ORDER BY ts LIMIT 1),
                (SELECT last_ts FROM market WHERE id = $1)`,
};
