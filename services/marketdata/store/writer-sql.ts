import { holdHorizon, horizonSql } from './horizon.ts';

/** The statements of one ingest transaction, in their order. */

/**
 * `stage` takes the batch as it came, `delta` the candles of its new trades per minute. Temporary tables are not written
 * ahead (no WAL) and seen by their own connection only. The horizon is held from here on, before any market, so that no
 * writer waits for it while others wait for its markets.
 */
export const beginBatch = `
${holdHorizon};
CREATE TEMP TABLE IF NOT EXISTS stage (
  market_id int, venue_id smallint, ts bigint, key text COLLATE "C", price numeric, size numeric, buy boolean
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS delta (
  market_id int, ts bigint, first_ts bigint, first_key text COLLATE "C", last_ts bigint, last_key text COLLATE "C",
  open numeric, high numeric, low numeric, close numeric, volume numeric, quote_volume numeric, trades bigint,
  last_size numeric, last_buy boolean
) ON COMMIT DELETE ROWS`;

/** In the order of the array: the sort order that every writer keeps to. */
export const lockMarkets = {
  name: 'lock_markets',
  text: 'SELECT pg_advisory_xact_lock($1, slot) FROM unnest($2::int[]) AS slot',
};

/**
 * A statement of its own after the lock, because a statement sees what was committed before it began, not before it
 * waited. One row: trades that are new, those from before the horizon, which are left out, and the horizon itself.
 */
export const storeTrades = {
  name: 'store_trades',
  text: `
WITH horizon AS MATERIALIZED (
  ${horizonSql}
), fresh AS (
  INSERT INTO trade (ts, market_id, venue_id, buy, key, price, size)
  SELECT ts, market_id, venue_id, buy, key, price, size FROM stage
  WHERE ts >= (SELECT ts FROM horizon) ORDER BY market_id, ts, key
  ON CONFLICT DO NOTHING
  RETURNING market_id, ts, key, price, size, buy
), minute AS (
  SELECT market_id, ts - ts % 60000 AS ts,
         array_agg(ts ORDER BY ts, key) AS times, array_agg(key ORDER BY ts, key) AS keys,
         array_agg(price ORDER BY ts, key) AS prices, array_agg(size ORDER BY ts, key) AS sizes,
         array_agg(buy ORDER BY ts, key) AS sides,
         max(price) AS high, min(price) AS low, sum(size) AS volume, sum(price * size) AS quote_volume,
         count(*) AS trades
  FROM fresh GROUP BY 1, 2
), folded AS (
  INSERT INTO delta
  SELECT market_id, ts, times[1], keys[1], times[trades], keys[trades], prices[1], high, low, prices[trades],
         volume, quote_volume, trades, sizes[trades], sides[trades]
  FROM minute
  RETURNING trades
)
SELECT (SELECT coalesce(sum(trades), 0)::int FROM folded),
       (SELECT count(*)::int FROM stage WHERE ts < horizon.ts), horizon.ts
FROM horizon`,
};

/** Folds the minutes of the batch into buckets of `lengthMs` and merges them into a table of candles. */
function merge(table: string, lengthMs: number): string {
  return `
  INSERT INTO ${table} AS c (market_id, ts, first_ts, first_key, last_ts, last_key, open, high, low, close, volume,
                             quote_volume, trades)
  SELECT market_id, ts - ts % ${lengthMs},
         min(first_ts), (array_agg(first_key ORDER BY ts))[1], max(last_ts), (array_agg(last_key ORDER BY ts DESC))[1],
         (array_agg(open ORDER BY ts))[1], max(high), min(low), (array_agg(close ORDER BY ts DESC))[1],
         trim_scale(sum(volume)), trim_scale(sum(quote_volume)), sum(trades)
  FROM delta GROUP BY 1, 2
  ON CONFLICT (market_id, ts) DO UPDATE SET
    open = CASE WHEN (excluded.first_ts, excluded.first_key) < (c.first_ts, c.first_key)
                THEN excluded.open ELSE c.open END,
    first_key = CASE WHEN (excluded.first_ts, excluded.first_key) < (c.first_ts, c.first_key)
                     THEN excluded.first_key ELSE c.first_key END,
    first_ts = least(c.first_ts, excluded.first_ts),
    close = CASE WHEN (excluded.last_ts, excluded.last_key) > (c.last_ts, c.last_key)
                 THEN excluded.close ELSE c.close END,
    last_key = CASE WHEN (excluded.last_ts, excluded.last_key) > (c.last_ts, c.last_key)
                    THEN excluded.last_key ELSE c.last_key END,
    last_ts = greatest(c.last_ts, excluded.last_ts),
    high = greatest(c.high, excluded.high),
    low = least(c.low, excluded.low),
    volume = trim_scale(c.volume + excluded.volume),
    quote_volume = trim_scale(c.quote_volume + excluded.quote_volume),
    trades = c.trades + excluded.trades`;
}

/** Candles of the three stored intervals and the markets' own rows; four independent parts of one statement. */
export const mergeCandles = {
  name: 'merge_candles',
  text: `
WITH minutes AS (${merge('candle_1m', 60_000)}
), hours AS (${merge('candle_1h', 3_600_000)}
), days AS (${merge('candle_1d', 86_400_000)}
), totals AS (
  SELECT market_id, sum(trades) AS trades, min(first_ts) AS first_ts, max(last_ts) AS last_ts,
         (array_agg(last_key ORDER BY ts DESC))[1] AS last_key, (array_agg(close ORDER BY ts DESC))[1] AS price,
         (array_agg(last_size ORDER BY ts DESC))[1] AS size, (array_agg(last_buy ORDER BY ts DESC))[1] AS buy
  FROM delta GROUP BY market_id
)
UPDATE market m SET
  trades = m.trades + t.trades,
  first_ts = least(m.first_ts, t.first_ts),
  (last_ts, last_key, last_price, last_size, last_buy) = (
    SELECT l.ts, l.key, l.price, l.size, l.buy
    FROM (VALUES (m.last_ts, m.last_key, m.last_price, m.last_size, m.last_buy),
                 (t.last_ts, t.last_key, t.price, t.size, t.buy)) AS l(ts, key, price, size, buy)
    ORDER BY l.ts DESC NULLS LAST, l.key DESC LIMIT 1)
FROM totals t WHERE m.id = t.market_id`,
};
