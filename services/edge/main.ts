import { hostname } from 'node:os';
import { loadConfig, natsOptionsFrom } from '@sluice/config';
import { connectBus } from '@sluice/nats';
import { followDocument } from '@sluice/policy';
import { followRoutes } from '@sluice/routes';
import { startService } from '@sluice/service';
import { createLogger, createRegistry, recordWriter, runService, startOpsServer } from '@sluice/telemetry';
import { AddressBook } from './addresses/mod.ts';
import { edgeConfig } from './config.ts';
import { openAuthenticator } from './credentials/open-authenticator.ts';
import { gatewayCaller } from './gateway.ts';
import { HttpServer } from './http/server.ts';
import { edgePhases } from './lifecycle.ts';
import { createLimits } from './limits/mod.ts';
import { createLive } from './live/mod.ts';
import { localRoutes } from './local-routes.ts';
import { edgeMetrics } from './metrics.ts';
import { loginRoutes, Logins, Sessions } from './oauth/mod.ts';
import { referencePages } from './reference/pages.ts';
import { stopEdge, stopWithinMs } from './stop.ts';
import { openCertificate } from './tls/open.ts';

const instance = `${hostname()}-${process.pid}`;
const logger = createLogger({
  service: 'edge',
  instance,
  level: process.env['SLUICE_LOG_LEVEL'] || 'info',
});

await runService(logger, async (starting) => {
  const config = loadConfig(edgeConfig, process.env);
  const certificates = await openCertificate(config, logger);
  const registry = createRegistry('edge');
  const metrics = edgeMetrics(registry);
  const bus = await connectBus({
    ...natsOptionsFrom(config),
    name: `edge ${instance}`,
    report: ({ kind, detail, error }) => logger.warn({ kind, err: error }, detail),
    signal: starting,
  });
  const report = (detail: string, error?: unknown): void => logger.warn({ err: error }, detail);
  const table = await followRoutes(bus, { replicas: config.natsReplicas, report });
  const documents = await followDocument(bus, { replicas: config.natsReplicas, report });
  const addresses = new AddressBook({ report });
  documents.onChange((document) => void addresses.apply(document));

  let stopping = false;
  const ready = (): string[] => [
    ...(stopping ? ['stopping'] : []),
    ...(bus.connected ? [] : ['no connection to NATS']),
    ...(table.ready ? [] : ['routes not read yet']),
    ...(documents.ready ? [] : ['gateway document not read yet']),
    ...(addresses.ready ? [] : ['address rules not in force']),
  ];
  const ops = await startOpsServer({ host: config.opsHost, port: config.opsPort, registry, ready });

  const writeRecord = recordWriter(logger);
  await documents.loaded;
  const logins = new Logins(documents);
  const sessions = new Sessions({
    bus,
    replicas: config.natsReplicas,
    document: documents,
    logins,
    most: config.sessionCache,
    report,
  });
  const authenticator = await openAuthenticator({
    bus,
    replicas: config.natsReplicas,
    document: documents,
    settings: config,
    registry,
    methods: [sessions],
    report,
  });
  const { consumers } = authenticator;
  const limits = createLimits({ bus, document: documents, consumers, settings: config, registry, report });
  const local = localRoutes(
    await referencePages(),
    loginRoutes({ logins, sessions, authenticator, limits, report }),
  );
  const phases = edgePhases({
    ...config,
    bus,
    table,
    documents,
    addresses,
    authenticator,
    limits,
    consumers,
    local,
    logger,
    metrics,
    writeRecord,
  });
  metrics.now.inFlight = () => phases.inFlight.count;
  const live = createLive({
    bus,
    config,
    logger,
    registry,
    call: gatewayCaller(phases),
    authenticator,
    documents,
    addresses,
  });
  const certificate = certificates?.current ?? null;
  const http = new HttpServer({ config, phases, live, metrics, certificate });
  certificates?.onChange((renewed) => http.renew(renewed));
  process.on('SIGHUP', () => {
    void certificates?.reload();
    void addresses.reload();
  });

  metrics.now.connections = () => http.connections;
  metrics.now.certificateEnds = () => (certificates?.current.notAfter ?? 0) / 1_000;

  await Promise.all([table.loaded, documents.loaded]);
  await addresses.apply(documents.current);
  const gateway = await http.listen();
  const discovery = await startService(bus, {
    name: 'edge',
    version: '0.1.0',
    description: 'Terminates HTTP, WebSocket and SSE and turns requests into messages',
    metadata: { gateway },
    data: () => ({ document: documents.revision }),
    endpoints: {},
  });
  logger.info({ ops: ops.url, gateway, routes: table.size }, 'ready');

  const times = { drainDelayMs: config.drainDelayMs, graceMs: config.stopGraceMs };
  return {
    stopWithinMs: stopWithinMs({ ...times, live }),
    stop: () =>
      stopEdge({
        ...times,
        setNotReady: () => (stopping = true),
        http,
        inFlight: phases.inFlight,
        live,
        withdraw: async () => {
          table.stop();
          limits.stop();
          await authenticator.stop();
          documents.stop();
          addresses.stop();
          await certificates?.stop();
          await discovery.stop();
        },
        bus,
        ops,
        logger,
      }),
  };
});
