import { Counter, Histogram, latencyBuckets, readCounter, readGauge, type Registry } from '@sluice/telemetry';
import type { Exchange } from './exchange.ts';
import { RouteSeries } from './route-series.ts';

export type EdgeMetrics = ReturnType<typeof edgeMetrics>;

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Figures of the HTTP side. A route is named by its template, unknown paths share the label `none` and unusual methods
 * `other`, so that clients cannot make series; series of routes that have gone make room for new ones. Where more
 * routes are in use at once than there is room for, the rest of them are counted together.
 */
export function edgeMetrics(registry: Registry) {
  const duration = new Histogram({
    name: 'sluice_edge_request_seconds',
    help: 'Time from the end of the header section until the answer was handed to the connection.',
    labelNames: ['route'],
    buckets: latencyBuckets,
    registers: [],
  });
  const routes = new RouteSeries(duration);
  const requests = new Counter({
    name: 'sluice_edge_requests_total',
    help: 'Requests by route template, method and status class; a client that left before its answer counts as `gone`, routes beyond the first few thousand in use as `(other)`.',
    labelNames: ['route', 'method', 'status'],
    registers: [],
    collect() {
      this.reset();
      for (const { route, series } of routes.figures())
        for (const { method, status, requests: n } of series) this.inc({ route, method, status }, n);
    },
  });
  registry.registerMetric(requests);
  registry.registerMetric(duration);
  const rejected = new Counter({
    name: 'sluice_edge_rejected_total',
    help: 'Requests and connections that the edge itself refused, by error code; also `connections` (too many), `stalled` (a client that did not take its answer), `tls` (a handshake that failed) and `proxy_protocol` (a PROXY header that is none).',
    labelNames: ['reason'],
    registers: [registry],
  });
  const refusedAddresses = new Counter({
    name: 'sluice_edge_addresses_refused_total',
    help: 'Requests refused because of their address, by whose rules: `gateway` or `route`.',
    labelNames: ['scope'],
    registers: [registry],
  });
  const bytes = { received: 0, sent: 0 };
  readCounter(registry, 'sluice_edge_received_bytes_total', 'Bytes of request bodies.', () => bytes.received);
  readCounter(registry, 'sluice_edge_sent_bytes_total', 'Bytes of response bodies.', () => bytes.sent);
  const now = { inFlight: () => 0, connections: () => 0, certificateEnds: () => 0 };
  readGauge(registry, 'sluice_edge_in_flight_requests', 'Requests that wait for their answer.', () =>
    now.inFlight(),
  );
  readGauge(registry, 'sluice_edge_connections', 'Open client connections of every kind.', () =>
    now.connections(),
  );

  readGauge(
    registry,
    'sluice_edge_certificate_end_seconds',
    'When the TLS certificate that is in use ends, seconds since 1970; 0 without TLS.',
    () => now.certificateEnds(),
  );

  return {
    /** What the gauges show when somebody looks. */
    now,
    observe(exchange: Exchange, status: number, ms: number): void {
      const method = knownMethods.has(exchange.method) ? exchange.method : 'other';
      routes.count(exchange.label, method, statusClass(status), ms / 1000, exchange.startedAt);
      bytes.received += exchange.body.length;
      bytes.sent += exchange.reply.length;
      if (exchange.error) rejected.inc({ reason: exchange.error.code });
    },
    addressRefused(scope: 'gateway' | 'route'): void {
      refusedAddresses.inc({ scope });
    },
    refused(reason: 'connections' | 'stalled' | 'proxy_protocol' | 'tls'): void {
      rejected.inc({ reason });
    },
    /** Label sets now kept; bounded whatever clients and routes do. */
    get labelSets(): number {
      return routes.size;
    },
  };
}

const statusClasses = ['', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

function statusClass(status: number): string {
  if (status === 499) return 'gone';
  return statusClasses[Math.floor(status / 100)] ?? '5xx';
}
