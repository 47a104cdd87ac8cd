import { randomUUID } from 'node:crypto';
import { loadConfig, natsOptionsFrom } from '@sluice/config';
import { connectBus, openBucket } from '@sluice/nats';
import { followDocument } from '@sluice/policy';
import { followRoutes, routesBucket } from '@sluice/routes';
import { startMicroService } from '@sluice/service';
import { createLogger, createRegistry, runService, startOpsServer } from '@sluice/telemetry';
import { subjects } from '@sluice/wire';
import { CompilerRole } from './compile/role.ts';
import { routerConfig } from './config.ts';
import { GatewayFile } from './declared/gateway-file.ts';
import { routerEvents } from './events.ts';
import { routerMetrics } from './metrics.ts';
import { openApiHandler } from './openapi/endpoint.ts';
import { SchemaStore } from './openapi/schema-store.ts';
import { requestHandler } from './request/handler.ts';
import { buildPhases } from './request/phases.ts';
import { RouteChecks } from './validation/route-checks.ts';

const version = '0.1.0';
/** Edges and routers follow the table a few milliseconds apart. */
const routePatienceMs = 250;

const instance = randomUUID().slice(0, 8);
const logger = createLogger({
  service: 'router',
  instance,
  level: process.env['SLUICE_LOG_LEVEL'] ?? 'info',
});

await runService(logger, async (starting) => {
  const config = loadConfig(routerConfig, process.env);
  logger.level = config.logLevel;
  const registry = createRegistry('router');
  const metrics = routerMetrics(registry);
  const events = routerEvents(logger, metrics);
  const replicas = config.natsReplicas;

  const bus = await connectBus({
    ...natsOptionsFrom(config),
    name: `router ${instance}`,
    report: ({ kind, detail, error }) => logger.warn({ kind, err: error }, detail),
    signal: starting,
  });
  const routes = await openBucket(bus, { name: routesBucket, replicas });
  const document = await followDocument(bus, {
    replicas,
    report: (detail, error) => logger.warn({ err: error }, detail),
  });

  const table = await followRoutes(bus, {
    replicas,
    report: (detail, error) => logger.warn({ err: error }, detail),
  });
  table.onChange(({ removed }) => removed.forEach((id) => metrics.traffic.forget(id)));
  const schemas = new SchemaStore({
    bus,
    table,
    maxAgeMs: config.schemaMaxAgeMs,
    report: (problem) => events.schema(problem),
  });
  metrics.sources.routes = () => table.size;
  metrics.sources.schemaProblems = () => schemas.problems;

  const file =
    config.gatewayFile === undefined
      ? undefined
      : new GatewayFile({
          file: config.gatewayFile,
          bus,
          onEvent: (event) => events.file(event),
        });
  await file?.start();
  process.on('SIGHUP', () => void file?.reload());

  const compiler = new CompilerRole({
    bus,
    routes,
    document,
    pollMs: config.discoveryIntervalMs,
    defaultTimeoutMs: config.defaultTimeoutMs,
    holder: `router ${instance}`,
    replicas,
    onEvent: (event) => events.compiler(event),
    onLeading: (leading) => events.leading(leading),
  });
  await compiler.start();

  const service = await startMicroService(bus, {
    name: 'router',
    version,
    description: 'Owns the route table and calls the backends.',
    queue: 'router',
    data: () => ({ document: document.revision }),
    endpoints: [
      {
        name: 'route',
        subject: subjects.route,
        handle: requestHandler({
          phases: buildPhases({
            bus,
            table,
            checks: new RouteChecks({ schemas, report: (problem) => events.schema(problem) }),
            traffic: metrics.traffic,
            observe: (seconds) => metrics.upstream.observe(seconds),
            patienceMs: routePatienceMs,
          }),
          traffic: metrics.traffic,
          onRefusal: (refusal) => events.refusal(refusal),
        }),
      },
      {
        name: 'openapi',
        subject: subjects.openapi,
        handle: openApiHandler({
          bus,
          table,
          schemas,
          document,
          title: config.apiTitle,
          version,
          report: (detail, error) => logger.error({ err: error }, detail),
        }),
      },
    ],
  });

  let stopping = false;
  const ops = await startOpsServer({
    host: config.opsHost,
    port: config.opsPort,
    registry,
    ready: () => [
      ...(stopping ? ['stopping'] : []),
      ...(bus.connected ? [] : ['no connection to NATS']),
      ...(table.ready ? [] : ['the route table has not been read yet']),
      ...(document.ready ? [] : ['no valid gateway document has been read yet']),
    ],
  });
  logger.info({ ops: ops.url }, 'ready');

  return {
    async stop() {
      stopping = true;
      // The role goes first, so that another replica compiles while this one finishes its requests.
      await file?.stop();
      await compiler.stop();
      await service.stop();
      schemas.stop();
      table.stop();
      document.stop();
      await bus.close();
      await ops.close();
    },
  };
});
