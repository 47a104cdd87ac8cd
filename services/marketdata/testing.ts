import { marketStream, tradeSubject } from '@sluice/market';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import { startService } from '@sluice/service';
import { Registry } from '@sluice/telemetry';
import type { TestTrade } from '../../tests/marketdata/trades.ts';
import { historyEndpoints } from './history/endpoints.ts';
import { Ingest } from './ingest/ingest.ts';
import { marketdataMetrics } from './metrics.ts';
import { retentionHorizon, type Store } from './store/mod.ts';
import { testStore } from './store/testing/test-store.ts';

/** A worker inside the test's process: everything of main.ts but the signals and the log. */
export interface TestWorker {
  readonly bus: Bus;
  readonly store: Store;
  /** Subjects and reasons of events that were dropped. */
  readonly rejected: readonly { readonly subject: string; readonly reason: string }[];
  /** Resolves when the database is migrated and the stream is read. */
  readonly ingesting: Promise<void>;
  /** Sum of one outcome of `sluice_marketdata_trades_total`. */
  trades(outcome: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startWorker(options: {
  natsUrl: string;
  databaseUrl: string;
  retentionDays?: number;
  maxBatch?: number;
}): Promise<TestWorker> {
  const { retentionDays = 0 } = options;
  const bus = await connectBus({ servers: [options.natsUrl], name: 'marketdata test' });
  await ensureStream(bus, marketStream(1));
  const store = testStore(options.databaseUrl, { retentionDays });
  const metrics = marketdataMetrics(new Registry());
  const horizon = (): number | undefined => retentionHorizon(Date.now(), retentionDays);
  const service = await startService(bus, {
    name: 'marketdata',
    version: '0.1.0',
    description: 'Stores market events and answers history queries',
    endpoints: historyEndpoints({ bus, store, metrics, horizon }),
  });
  const rejected: { subject: string; reason: string }[] = [];
  const ingest = new Ingest(bus, {
    maxBatch: options.maxBatch ?? 2_000,
    maxWaitMs: 10,
    horizon,
    metrics,
    onRejected: ({ subject, reason }) => rejected.push({ subject, reason }),
  });
  const ingesting = store.open().then(({ writer }) => ingest.start(writer));
  ingesting.catch(() => {});
  return {
    bus,
    store,
    rejected,
    ingesting,
    trades: async (outcome) => {
      const { values } = await metrics.trades.get();
      return values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
    },
    stop: async () => {
      await Promise.all([service.stop(), ingest.stop()]);
      await store.close();
      await bus.close();
    },
  };
}

/** Publishes trades without message ids, so that the stream keeps every copy, a thousand at a time. */
export async function publishTrades(bus: Bus, trades: readonly TestTrade[]): Promise<void> {
  for (let at = 0; at < trades.length; at += 1_000)
    await Promise.all(
      trades.slice(at, at + 1_000).map(({ venue, symbol, trade }) =>
        publishStored(bus, tradeSubject(venue, symbol), JSON.stringify(trade), {
          deadline: Date.now() + 20_000,
        }),
      ),
    );
}
