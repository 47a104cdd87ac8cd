import { randomUUID } from 'node:crypto';
import { loadConfig, natsOptionsFrom } from '@sluice/config';
import { limitQueue, limitSubjects, usageBucket, windowBuckets } from '@sluice/limits';
import { connectBus, isBusError, openCounters } from '@sluice/nats';
import { startMicroService } from '@sluice/service';
import { createLogger, createRegistry, runService, startOpsServer } from '@sluice/telemetry';
import { followClock } from './clock-follower.ts';
import { ratelimitConfig } from './config.ts';
import { Granter } from './granter.ts';
import { leaseHandler, returnHandler } from './lease-handler.ts';
import { ratelimitMetrics } from './metrics.ts';
import { ServerClock } from './server-clock.ts';

const version = '0.1.0';
/** Bounds of the server's time that are wider than this serve no window at all. */
const mostUncertainMs = 5_000;

const instance = randomUUID().slice(0, 8);
const logger = createLogger({
  service: 'ratelimit',
  instance,
  level: process.env['SLUICE_LOG_LEVEL'] || 'info',
});

await runService(logger, async (starting) => {
  const config = loadConfig(ratelimitConfig, process.env);
  logger.level = config.logLevel;
  const registry = createRegistry('ratelimit');
  const metrics = ratelimitMetrics(registry);
  const bus = await connectBus({
    ...natsOptionsFrom(config),
    name: `ratelimit ${instance}`,
    report: ({ kind, detail, error }) => logger.warn({ kind, err: error }, detail),
    signal: starting,
  });

  const replicas = config.natsReplicas;
  const open = (name: string, maxAgeMs: number) => openCounters(bus, { name, maxAgeMs, replicas });
  const [minute, hour, day] = windowBuckets;
  const counters = {
    [minute.name]: await open(minute.name, minute.maxAgeMs),
    [hour.name]: await open(hour.name, hour.maxAgeMs),
    [day.name]: await open(day.name, day.maxAgeMs),
    [usageBucket.name]: await open(usageBucket.name, usageBucket.maxAgeMs),
  };

  const clock = new ServerClock({
    onStep: (byMs) => {
      metrics.clockSteps.inc();
      granter.forget();
      logger.warn({ by_ms: Math.round(byMs) }, 'the clock of the NATS server was set');
    },
  });
  const granter = new Granter({
    counters,
    clock,
    mostKeys: config.mostKeys,
    onLost: (tokens, error) => {
      metrics.lost.inc(tokens);
      logger.warn({ tokens, err: error }, 'tokens could not be given back');
    },
  });
  metrics.sources.keys = () => granter.keys;
  metrics.sources.uncertaintyMs = () => clock.uncertaintyMs;
  const following = await followClock(counters[minute.name], clock, {
    everyMs: config.clockMs,
    report: (error) => {
      if (!isBusError(error, 'disconnected')) logger.warn({ err: error }, 'no look at the clock of NATS');
    },
  });

  const service = await startMicroService(bus, {
    name: 'ratelimit',
    version,
    description: 'Leases tokens of limits and quotas to edges.',
    queue: limitQueue,
    endpoints: [
      { name: 'lease', subject: limitSubjects.lease, handle: leaseHandler({ granter, metrics }) },
      { name: 'return', subject: limitSubjects.giveBack, handle: returnHandler({ granter, metrics }) },
    ],
    report: ({ endpoint, error }) => logger.warn({ endpoint, err: error.cause }, error.detail),
  });

  let stopping = false;
  const ops = await startOpsServer({
    host: config.opsHost,
    port: config.opsPort,
    registry,
    ready: () => [
      ...(stopping ? ['stopping'] : []),
      ...(bus.connected ? [] : ['no connection to NATS']),
      ...(clock.uncertaintyMs < mostUncertainMs ? [] : ['the time of the NATS server is not known']),
    ],
  });
  logger.info({ ops: ops.url }, 'ready');

  return {
    async stop() {
      stopping = true;
      following.stop();
      await service.stop();
      await granter.settled();
      await bus.close();
      await ops.close();
    },
  };
});
