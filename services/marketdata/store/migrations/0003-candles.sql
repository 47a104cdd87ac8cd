-- Stored candles: one row per market and bucket that has trades. The first and the last trade's places say which trade
-- gave open and close, so that late trades and merges find the right ones whatever comes first.
CREATE TABLE candle_1m (
  ts bigint NOT NULL,
  first_ts bigint NOT NULL,
  last_ts bigint NOT NULL,
  trades bigint NOT NULL,
  market_id int NOT NULL,
  first_key text COLLATE "C" NOT NULL,
  last_key text COLLATE "C" NOT NULL,
  open numeric NOT NULL,
  high numeric NOT NULL,
  low numeric NOT NULL,
  close numeric NOT NULL,
  volume numeric NOT NULL,
  quote_volume numeric NOT NULL,
  PRIMARY KEY (market_id, ts)
) WITH (fillfactor = 70);

CREATE TABLE candle_1h (LIKE candle_1m INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE candle_1d (LIKE candle_1m INCLUDING ALL) WITH (fillfactor = 70);
