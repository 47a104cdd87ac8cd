import { Counter, Gauge, Histogram, latencyBuckets, type Registry } from '@sluice/telemetry';

export type Metrics = ReturnType<typeof adminMetrics>;

export function adminMetrics(registry: Registry) {
  const registers = [registry];
  /** Figures that are looked up when somebody asks for them. */
  const now = { revision: (): number => 0 };
  return {
    now,
    changes: new Counter({
      name: 'sluice_admin_changes_total',
      help:
        'Changes by action: `made`, `refused` (somebody else was faster), `unknown` (the store did not answer), ' +
        '`not_audited` (not made, because the audit log could not be written).',
      labelNames: ['action', 'outcome'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'sluice_admin_request_seconds',
      help: 'Time to answer one request of the control API, by endpoint and status.',
      labelNames: ['endpoint', 'status'],
      buckets: latencyBuckets,
      registers,
    }),
    revision: new Gauge({
      name: 'sluice_admin_document_revision',
      help: 'Revision of the gateway document that this process follows.',
      registers,
      collect() {
        this.set(now.revision());
      },
    }),
  };
}
