import { Counter, Gauge, Histogram, latencyBuckets, readGauge, type Registry } from '@sluice/telemetry';
import { outcomes, Traffic, type RouteCounters } from './traffic.ts';

export type RouterMetrics = ReturnType<typeof routerMetrics>;

/** What a scrape asks when it comes. */
export interface MetricSources {
  routes: () => number;
  schemaProblems: () => number;
}

/** Label of requests that never found a route; no route id holds a parenthesis. */
const unrouted = '(none)';

/** The router's own figures. */
export function routerMetrics(registry: Registry) {
  const registers = [registry];
  const traffic = new Traffic();
  const sources: MetricSources = { routes: () => 0, schemaProblems: () => 0 };
  const requests = requestCounter(registers, traffic);
  const upstreamTime = upstreamTimeCounter(registers, traffic);
  readGauge(registry, 'sluice_router_routes', 'Routes in the table.', () => sources.routes());
  readGauge(
    registry,
    'sluice_router_schema_problems',
    'Routes whose schema was missing or bad when the OpenAPI document was last asked for.',
    () => sources.schemaProblems(),
  );
  return {
    traffic,
    sources,
    requests,
    upstreamTime,
    upstream: new Histogram({
      name: 'sluice_router_upstream_seconds',
      help: 'Time from sending a request to a backend until its answer.',
      buckets: latencyBuckets,
      registers,
    }),
    compile: new Histogram({
      name: 'sluice_router_compile_seconds',
      help: 'Time to compile the route table and compare it with the stored one.',
      buckets: latencyBuckets,
      registers,
    }),
    problems: new Gauge({
      name: 'sluice_router_problems',
      help: 'Routes that are not in the table because something is wrong with them; on the compiling replica.',
      registers,
    }),
    leader: new Gauge({
      name: 'sluice_router_compiler',
      help: '1 on the replica that compiles the route table.',
      registers,
    }),
    fileValid: new Gauge({
      name: 'sluice_router_gateway_file_valid',
      help: '1 when the gateway file was valid the last time it was read, 0 when it was refused.',
      registers,
    }),
  };
}

/** Counts live in {@link Traffic}; a scrape makes labels of them, for routes that exist. */
function requestCounter(registers: Registry[], traffic: Traffic): Counter {
  return new Counter({
    name: 'sluice_router_requests_total',
    help: 'Requests by route and by how they ended: ok, refused, unavailable, timeout, bad_response, error.',
    labelNames: ['route', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const [route, counters] of labelled(traffic))
        for (const outcome of outcomes)
          if (counters[outcome] > 0) this.inc({ route, outcome }, counters[outcome]);
    },
  });
}

function upstreamTimeCounter(registers: Registry[], traffic: Traffic): Counter {
  return new Counter({
    name: 'sluice_router_upstream_seconds_total',
    help: 'Seconds spent waiting for the backends of a route.',
    labelNames: ['route'],
    registers,
    collect() {
      this.reset();
      for (const [route, { upstreamSeconds }] of labelled(traffic))
        if (upstreamSeconds > 0) this.inc({ route }, upstreamSeconds);
    },
  });
}

function labelled(traffic: Traffic): [string, RouteCounters][] {
  return [[unrouted, traffic.unrouted], ...traffic.entries()];
}
