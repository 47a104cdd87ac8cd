-- Trades before this moment may have been dropped, once and for all: one that came back would be counted twice in its
-- candle, whatever the retention is by now. Never lowered. `policy_days` is the retention of the database's own policy
-- (TimescaleDB community edition), which goes on dropping without a worker.
CREATE TABLE trade_horizon (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  ts bigint NOT NULL,
  policy_days int
);

-- What earlier versions have dropped: days that have candles and no trades. The subquery's limit makes the database look
-- into each day by itself, where the first row is enough, instead of joining all trades.
INSERT INTO trade_horizon (ts)
SELECT coalesce(max(d.ts) + 86400000, 0)
FROM (SELECT DISTINCT ts FROM candle_1d) AS d
LEFT JOIN LATERAL (
  SELECT true AS kept FROM trade t WHERE t.ts >= d.ts AND t.ts < d.ts + 86400000 LIMIT 1
) AS t ON true
WHERE t.kept IS NULL;
