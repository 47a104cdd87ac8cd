import { Counter, Gauge, Histogram, latencyBuckets, type Registry } from '@sluice/telemetry';
import type { Exchange } from './exchange.ts';

export type EdgeMetrics = ReturnType<typeof edgeMetrics>;

interface Child {
  readonly route: string;
  readonly method: string;
  readonly status: string;
  readonly count: { inc(): void };
  readonly time: { observe(seconds: number): void };
  /** Monotonic, milliseconds. */
  usedAt: number;
}

/** Label sets kept for routes, and the route that stands for those that find no room. No template holds a parenthesis. */
const maxLabelSets = 4_000;
const otherRoutes = '(other)';
/** A label set may be forgotten for another one after so much time without use, and looking for such ones is dear. */
const forgottenAfterMs = 10_000;
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Figures of the HTTP side. A route is named by its template, unknown paths share the label `none` and unusual methods
 * `other`, so that clients cannot make series; series of routes that have gone make room for new ones. Where more
 * routes are in use at once than there is room for, the rest of them are counted together.
 */
export function edgeMetrics(registry: Registry) {
  const requests = new Counter({
    name: 'sluice_edge_requests_total',
    help: 'Requests by route template, method and status class; a client that left before its answer counts as `gone`, routes beyond the first few thousand in use as `(other)`.',
    labelNames: ['route', 'method', 'status'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'sluice_edge_request_seconds',
    help: 'Time from the end of the header section until the answer was handed to the connection.',
    labelNames: ['route'],
    buckets: latencyBuckets,
    registers: [registry],
  });
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
  const received = new Counter({
    name: 'sluice_edge_received_bytes_total',
    help: 'Bytes of request bodies.',
    registers: [registry],
  });
  const sent = new Counter({
    name: 'sluice_edge_sent_bytes_total',
    help: 'Bytes of response bodies.',
    registers: [registry],
  });
  const now = { inFlight: () => 0, connections: () => 0, certificateEnds: () => 0 };
  gauge(registry, 'sluice_edge_in_flight_requests', 'Requests that wait for their answer.', () =>
    now.inFlight(),
  );
  gauge(registry, 'sluice_edge_connections', 'Open client connections of every kind.', () =>
    now.connections(),
  );

  gauge(
    registry,
    'sluice_edge_certificate_end_seconds',
    'When the TLS certificate that is in use ends, seconds since 1970; 0 without TLS.',
    () => now.certificateEnds(),
  );

  const children = new Map<string, Child>();

  const childOf = (route: string, method: string, status: string): Child => {
    const key = `${status} ${method} ${route}`;
    let child = children.get(key);
    if (!child) {
      if (children.size >= maxLabelSets && route !== otherRoutes && !forget())
        return childOf(otherRoutes, method, status);
      const count = requests.labels(route, method, status);
      child = { route, method, status, count, time: duration.labels(route), usedAt: 0 };
      children.set(key, child);
    }
    return child;
  };

  let lookedAt = Number.NEGATIVE_INFINITY;
  /** Drops the tenth that was not used for the longest time: a tenth, so that it is rare. False where all are in use. */
  const forget = (): boolean => {
    const now = performance.now();
    if (now - lookedAt < forgottenAfterMs) return false;
    lookedAt = now;
    const byAge = [...children].toSorted(([, a], [, b]) => a.usedAt - b.usedAt);
    const old = byAge
      .slice(0, maxLabelSets / 10)
      .filter(([, { usedAt }]) => now - usedAt >= forgottenAfterMs);
    for (const [key, { route, method, status }] of old) {
      children.delete(key);
      requests.remove(route, method, status);
    }
    const kept = new Set([...children.values()].map(({ route }) => route));
    for (const [, { route }] of old) if (!kept.has(route)) duration.remove(route);
    return old.length > 0;
  };

  return {
    /** What the gauges show when somebody looks. */
    now,
    observe(exchange: Exchange, status: number, ms: number): void {
      const method = knownMethods.has(exchange.method) ? exchange.method : 'other';
      const child = childOf(exchange.label, method, statusClass(status));
      child.usedAt = exchange.startedAt;
      child.count.inc();
      child.time.observe(ms / 1000);
      if (exchange.body.length > 0) received.inc(exchange.body.length);
      if (exchange.reply.length > 0) sent.inc(exchange.reply.length);
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
      return children.size;
    },
  };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  registry.registerMetric(
    new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(read());
      },
    }),
  );
}

function statusClass(status: number): string {
  if (status === 499) return 'gone';
  return `${Math.floor(status / 100)}xx`;
}
