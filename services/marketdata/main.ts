import { hostname } from 'node:os';
import { loadConfig, natsOptionsFrom } from '@sluice/config';
import { marketStream } from '@sluice/market';
import { connectBus, ensureStream } from '@sluice/nats';
import { startService } from '@sluice/service';
import { createLogger, createRegistry, runService, startOpsServer } from '@sluice/telemetry';
import { marketdataConfig } from './config.ts';
import { historyEndpoints } from './history/endpoints.ts';
import { Ingest } from './ingest/ingest.ts';
import { marketdataMetrics } from './metrics.ts';
import { retentionHorizon, Store } from './store/mod.ts';

const instance = `${hostname()}-${process.pid}`;
const logger = createLogger({
  service: 'marketdata',
  instance,
  level: process.env['SLUICE_LOG_LEVEL'] || 'info',
});

await runService(logger, async (starting) => {
  const config = loadConfig(marketdataConfig, process.env);
  const registry = createRegistry('marketdata');
  const metrics = marketdataMetrics(registry);
  const bus = await connectBus({
    ...natsOptionsFrom(config),
    name: `marketdata ${instance}`,
    report: ({ kind, detail, error }) => logger.warn({ kind, err: error }, detail),
    signal: starting,
  });
  const store = new Store({
    url: config.databaseUrl,
    poolSize: config.databasePool,
    statementTimeoutMs: config.databaseTimeoutMs,
    retentionDays: config.tradesRetentionDays,
    compressAfterDays: config.tradesCompressAfterDays,
    report: ({ detail, error }) => logger.warn({ err: error }, detail),
  });
  metrics.now.databaseUp = () => store.ready;

  let stopping = false;
  const ready = (): string[] => [
    ...(stopping ? ['stopping'] : []),
    ...(bus.connected ? [] : ['no connection to NATS']),
    ...(store.ready ? [] : ['no database']),
  ];
  const ops = await startOpsServer({ host: config.opsHost, port: config.opsPort, registry, ready });

  await ensureStream(bus, marketStream(config.natsReplicas, config.marketMaxBytes));
  const horizon = (): number | undefined => retentionHorizon(Date.now(), config.tradesRetentionDays);
  const service = await startService(bus, {
    name: 'marketdata',
    version: '0.1.0',
    description: 'Stores market events and answers history queries',
    endpoints: historyEndpoints({ bus, store, metrics, horizon }),
    report: ({ endpoint, requestId, error }) =>
      logger.error({ endpoint, request_id: requestId, err: error.cause ?? error }, error.detail),
  });

  const ingest = new Ingest(bus, {
    maxBatch: config.ingestBatch,
    maxWaitMs: config.ingestWaitMs,
    horizon,
    metrics,
    onRejected: (event) => logger.warn(event, 'event is no trade and was dropped'),
  });
  // The database may come later than this process: until then history answers 503, and the stream keeps the trades.
  const storing = store.open().then(async ({ edition, writer }) => {
    await ingest.start(writer);
    logger.info({ ops: ops.url, edition }, 'ready');
  });
  storing.catch((error: unknown) => {
    if (stopping) return;
    logger.fatal(error instanceof Error ? error.message : String(error));
    process.exit(1);
  });

  return {
    stop: async () => {
      stopping = true;
      await Promise.all([service.stop(), ingest.stop()]);
      await store.close();
      await storing.catch(() => {});
      await bus.close();
      await ops.close();
    },
  };
});
