-- Venues and markets. A market's row also holds the trade that is last in the order of trades, so that lists and tickers
-- need not look for it, and counts its trades.
CREATE TABLE venue (
  id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE market (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  symbol text COLLATE "C" NOT NULL UNIQUE,
  trades bigint NOT NULL DEFAULT 0,
  first_ts bigint,
  last_ts bigint,
  last_key text COLLATE "C",
  last_price numeric,
  last_size numeric,
  last_buy boolean
) WITH (fillfactor = 50);

CREATE TABLE market_venue (
  market_id int NOT NULL REFERENCES market,
  venue_id smallint NOT NULL REFERENCES venue,
  PRIMARY KEY (market_id, venue_id)
);
