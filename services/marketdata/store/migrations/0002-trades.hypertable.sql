-- Every trade once. Times are milliseconds since the epoch, UTC; `key` is the id in a form whose byte order is the order
-- of ids. Cut by UTC day.
CREATE TABLE trade (
  ts bigint NOT NULL,
  market_id int NOT NULL,
  venue_id smallint NOT NULL,
  buy boolean NOT NULL,
  key text COLLATE "C" NOT NULL,
  price numeric NOT NULL,
  size numeric NOT NULL,
  PRIMARY KEY (market_id, ts, key)
);

SELECT create_hypertable('trade', by_range('ts', 86400000), create_default_indexes => false);

-- What "now" is for policies on an integer time column.
CREATE FUNCTION sluice_now_ms() RETURNS bigint LANGUAGE sql STABLE
  AS $$ SELECT (extract(epoch FROM now()) * 1000)::bigint $$;

SELECT set_integer_now_func('trade', 'sluice_now_ms');
