-- The JSON text of a stored candle, made when the candle is written: candles are read far more often than they change,
-- and making the text costs most of the time of reading one. It doubles the room that a candle takes. Every part is cast
-- by itself, because only that way the expression is immutable.
ALTER TABLE candle_1m ADD COLUMN json text NOT NULL GENERATED ALWAYS AS (
  '{"ts":' || ts::text || ',"open":"' || open::text || '","high":"' || high::text || '","low":"' || low::text
  || '","close":"' || close::text || '","volume":"' || volume::text || '","quote_volume":"' || quote_volume::text
  || '","trades":' || trades::text || '}') STORED;

ALTER TABLE candle_1h ADD COLUMN json text NOT NULL GENERATED ALWAYS AS (
  '{"ts":' || ts::text || ',"open":"' || open::text || '","high":"' || high::text || '","low":"' || low::text
  || '","close":"' || close::text || '","volume":"' || volume::text || '","quote_volume":"' || quote_volume::text
  || '","trades":' || trades::text || '}') STORED;

ALTER TABLE candle_1d ADD COLUMN json text NOT NULL GENERATED ALWAYS AS (
  '{"ts":' || ts::text || ',"open":"' || open::text || '","high":"' || high::text || '","low":"' || low::text
  || '","close":"' || close::text || '","volume":"' || volume::text || '","quote_volume":"' || quote_volume::text
  || '","trades":' || trades::text || '}') STORED;
