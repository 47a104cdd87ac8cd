import { hostname } from 'node:os';
import { loadConfig, natsOptionsFrom } from '@sluice/config';
import { connectBus } from '@sluice/nats';
import { followDocument } from '@sluice/policy';
import { startService } from '@sluice/service';
import { createLogger, createRegistry, runService, startOpsServer } from '@sluice/telemetry';
import { adminConfig } from './config.ts';
import { adminEndpoints } from './endpoints.ts';
import { ensureFirstKey, readFirstKey } from './keys/first-key.ts';
import { adminMetrics } from './metrics.ts';
import { openStores } from './stores.ts';

/** How long the start waits for the document, milliseconds. */
const documentMs = 5_000;

const instance = `${hostname()}-${process.pid}`;
const logger = createLogger({
  service: 'admin',
  instance,
  level: process.env['SLUICE_LOG_LEVEL'] || 'info',
});

await runService(logger, async (starting) => {
  const config = loadConfig(adminConfig, process.env);
  const firstKey = await readFirstKey(config);
  const registry = createRegistry('admin');
  const metrics = adminMetrics(registry);
  const bus = await connectBus({
    ...natsOptionsFrom(config),
    name: `admin ${instance}`,
    report: ({ kind, detail, error }) => logger.warn({ kind, err: error }, detail),
    signal: starting,
  });

  const report = (detail: string, error?: unknown): void => logger.warn({ err: error }, detail);
  const document = await followDocument(bus, { replicas: config.natsReplicas, report });
  metrics.now.revision = () => document.revision;

  let stopping = false;
  const ready = (): string[] => [
    ...(stopping ? ['stopping'] : []),
    ...(bus.connected ? [] : ['no connection to NATS']),
    ...(document.ready ? [] : ['document not read yet']),
  ];
  const ops = await startOpsServer({ host: config.opsHost, port: config.opsPort, registry, ready });

  const stores = await openStores(bus, {
    replicas: config.natsReplicas,
    auditDays: config.auditDays,
    document,
    metrics,
    report,
  });
  // A stored document that no process can use must not keep people from replacing it: this one starts all the same.
  await Promise.race([document.loaded, new Promise((resolve) => setTimeout(resolve, documentMs).unref())]);
  if (firstKey !== null) await ensureFirstKey(firstKey, { ...stores, warn: report });
  const service = await startService(bus, {
    name: 'admin',
    version: '0.1.0',
    description: 'Control API: the gateway document, consumers, keys, revocations, audit',
    data: () => ({ document: document.revision }),
    endpoints: adminEndpoints({ bus, document, stores, metrics }),
    report: ({ endpoint, requestId, error }) =>
      logger.error({ endpoint, request_id: requestId, err: error.cause ?? error }, error.detail),
  });
  logger.info({ ops: ops.url }, 'ready');

  return {
    stop: async () => {
      stopping = true;
      await service.stop();
      document.stop();
      await bus.close();
      await ops.close();
    },
  };
});
