import { Counter, Histogram, latencyBuckets, readGauge, type Registry } from '@sluice/telemetry';

export type RatelimitMetrics = ReturnType<typeof ratelimitMetrics>;

/** Figures of a ratelimit worker. No label names a policy or a key: both are the edges' to tell, and keys have no bound. */
export function ratelimitMetrics(registry: Registry) {
  const registers = [registry];
  const sources = { keys: () => 0, uncertaintyMs: () => 0 };
  const count = (name: string, help: string): Counter => new Counter({ name, help, registers });
  readGauge(registry, 'sluice_ratelimit_keys', 'Keys whose past slots are remembered.', () => sources.keys());
  readGauge(
    registry,
    'sluice_ratelimit_clock_uncertainty_seconds',
    'How precisely the time of the NATS server is known.',
    () => Math.min(sources.uncertaintyMs(), 1e9) / 1_000,
  );
  return {
    /** What the gauges show when somebody looks. */
    sources,
    granted: count('sluice_ratelimit_granted_tokens_total', 'Tokens leased to edges.'),
    returned: count('sluice_ratelimit_returned_tokens_total', 'Tokens that edges gave back unspent.'),
    lost: count(
      'sluice_ratelimit_lost_tokens_total',
      'Tokens that could not be given back; they count until their window has passed.',
    ),
    refused: count(
      'sluice_ratelimit_refused_total',
      'Wants answered with none, because the limit was reached.',
    ),
    failed: count(
      'sluice_ratelimit_failed_total',
      'Lease requests without grants: the counters or the time of NATS could not be had, or not in time.',
    ),
    clockSteps: count(
      'sluice_ratelimit_clock_steps_total',
      'Times that the clock of the NATS server was found to have been set.',
    ),
    leaseSeconds: new Histogram({
      name: 'sluice_ratelimit_lease_seconds',
      help: 'Time to answer a lease request.',
      buckets: latencyBuckets,
      registers,
    }),
  };
}
