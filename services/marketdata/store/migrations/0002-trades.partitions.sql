-- Every trade once. Times are milliseconds since the epoch, UTC; `key` is the id in a form whose byte order is the order
-- of ids. Cut by UTC day; the worker attaches the days it needs.
CREATE TABLE trade (
  ts bigint NOT NULL,
  market_id int NOT NULL,
  venue_id smallint NOT NULL,
  buy boolean NOT NULL,
  key text COLLATE "C" NOT NULL,
  price numeric NOT NULL,
  size numeric NOT NULL,
  PRIMARY KEY (market_id, ts, key)
) PARTITION BY RANGE (ts);
