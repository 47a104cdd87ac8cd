import { hostname } from 'node:os';
import { loadConfig, natsOptionsFrom } from '@sluice/config';
import { marketStream } from '@sluice/market';
import { connectBus, ensureStream } from '@sluice/nats';
import { startService } from '@sluice/service';
import { createLogger, createRegistry, runService, startOpsServer } from '@sluice/telemetry';
import { CheckpointStore } from './checkpoint.ts';
import { broadcasterConfig } from './config.ts';
import { broadcasterMetrics } from './metrics.ts';
import { standForShard } from './shard.ts';

const instance = `${hostname()}-${process.pid}`;
const logger = createLogger({
  service: 'broadcaster',
  instance,
  level: process.env['SLUICE_LOG_LEVEL'] || 'info',
});

await runService(logger, async (starting) => {
  const config = loadConfig(broadcasterConfig, process.env);
  const registry = createRegistry('broadcaster');
  const metrics = broadcasterMetrics(registry);
  const bus = await connectBus({
    ...natsOptionsFrom(config),
    name: `broadcaster ${instance}`,
    report: ({ kind, detail, error }) => logger.warn({ kind, err: error }, detail),
    signal: starting,
  });

  let stopping = false;
  const ready = (): string[] => [
    ...(stopping ? ['stopping'] : []),
    ...(bus.connected ? [] : ['no connection to NATS']),
  ];
  const ops = await startOpsServer({ host: config.opsHost, port: config.opsPort, registry, ready });

  await ensureStream(bus, marketStream(config.natsReplicas, config.marketMaxBytes));
  const store = await CheckpointStore.open(bus, config.shard, config.natsReplicas);
  const shard = await standForShard({
    bus,
    store,
    logger,
    metrics,
    shard: config.shard,
    holder: instance,
    leaseMs: config.leaseMs,
    filter: config.filter,
    replicas: config.natsReplicas,
    history: config.liveHistory,
    maxBytes: config.liveMaxBytes,
    checkpointMs: config.checkpointMs,
    pace: { tickerMs: config.tickerMs, candleMs: config.candleMs },
  });
  const service = await startService(bus, {
    name: 'broadcaster',
    version: '0.1.0',
    description: 'Turns market events into live channels',
    metadata: { shard: config.shard, filter: config.filter },
    endpoints: {},
  });
  logger.info({ ops: ops.url, shard: config.shard }, 'ready');

  return {
    stop: async () => {
      stopping = true;
      await service.stop();
      await shard.stop();
      await bus.close();
      await ops.close();
    },
  };
});
