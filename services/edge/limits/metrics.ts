import { Counter, readGauge, type Registry } from '@sluice/telemetry';
import { outcomes, type MeterCounts } from './meter.ts';

export type LimitMetrics = ReturnType<typeof limitMetrics>;

/** Figures of limits and quotas. Policies are named by the document, so there are as many series as somebody wrote. */
export function limitMetrics(registry: Registry) {
  const registers = [registry];
  const counts = new Map<string, MeterCounts>();
  const now = { keys: () => 0, waiting: () => 0, available: () => 1 };
  // oxlint-disable-next-line no-new -- it registers itself
  new Counter({
    name: 'sluice_edge_limit_calls_total',
    help: 'Calls by limit or quota and by what became of them there: admitted, refused, emergency (let pass while nobody granted leases), unavailable (refused for that), queued (waited for its turn; counted again by how it ended).',
    labelNames: ['policy', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const [policy, of] of counts)
        for (const outcome of outcomes) if (of[outcome] > 0) this.inc({ policy, outcome }, of[outcome]);
    },
  });
  readGauge(registry, 'sluice_edge_limit_keys', 'Keys of limits and quotas that are remembered.', () =>
    now.keys(),
  );
  readGauge(registry, 'sluice_edge_limit_waiting', 'Calls that wait for a lease, or for their turn.', () =>
    now.waiting(),
  );
  readGauge(registry, 'sluice_edge_limit_available', '1 while ratelimit workers grant leases.', () =>
    now.available(),
  );
  return {
    /** What the gauges show when somebody looks. */
    now,
    /** The counts of a policy, made at the first call. */
    of(policy: string): MeterCounts {
      let found = counts.get(policy);
      if (found === undefined)
        counts.set(policy, (found = { admitted: 0, refused: 0, emergency: 0, unavailable: 0, queued: 0 }));
      return found;
    },
    /** Forgets policies that the document no longer has. */
    keep(policies: ReadonlySet<string>): void {
      for (const policy of counts.keys()) if (!policies.has(policy)) counts.delete(policy);
    },
  };
}
