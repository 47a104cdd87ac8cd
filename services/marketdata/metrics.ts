import { Counter, Gauge, Histogram, latencyBuckets, type Registry } from '@sluice/telemetry';

export type Metrics = ReturnType<typeof marketdataMetrics>;

export function marketdataMetrics(registry: Registry) {
  const registers = [registry];
  /** Figures that are looked up when somebody asks for them. */
  const now = { databaseUp: (): boolean => false };
  return {
    now,
    trades: new Counter({
      name: 'sluice_marketdata_trades_total',
      help:
        'Trade events taken from the stream: `stored`, `duplicate` (already there), `expired` (older than trades are, or once were, kept), ' +
        '`rejected` (not a valid trade, never tried again).',
      labelNames: ['outcome'],
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'sluice_marketdata_batch_seconds',
      help: 'Time to write one batch of trades with its candles.',
      labelNames: ['outcome'],
      buckets: latencyBuckets,
      registers,
    }),
    batchTrades: new Histogram({
      name: 'sluice_marketdata_batch_trades',
      help: 'Trades in one batch.',
      buckets: [1, 10, 50, 100, 500, 1_000, 2_500, 5_000, 10_000],
      registers,
    }),
    ingestDelay: new Gauge({
      name: 'sluice_marketdata_ingest_delay_seconds',
      help: 'Age of the oldest event of the batch written last: how far storage is behind the stream.',
      registers,
    }),
    querySeconds: new Histogram({
      name: 'sluice_marketdata_query_seconds',
      help: 'Time to answer one request, by endpoint and status.',
      labelNames: ['endpoint', 'status'],
      buckets: latencyBuckets,
      registers,
    }),
    databaseUp: new Gauge({
      name: 'sluice_marketdata_database_up',
      help: '1 while the database answers.',
      registers,
      collect() {
        this.set(now.databaseUp() ? 1 : 0);
      },
    }),
  };
}
