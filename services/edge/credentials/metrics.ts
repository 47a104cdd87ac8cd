import { toSluiceError } from '@sluice/errors';
import { authMethods } from '@sluice/policy';
import { Counter, readGauge, type Registry } from '@sluice/telemetry';

export type CredentialMetrics = ReturnType<typeof credentialMetrics>;

const results = ['accepted', 'refused', 'unavailable'] as const;

/** Figures of who was let in. Labels are fixed sets: nothing of a credential ever becomes one. */
export function credentialMetrics(registry: Registry) {
  const checked = new Counter({
    name: 'sluice_edge_credentials_total',
    help: 'Credentials that were judged, by method (`none`: a token in a form that the route does not take) and result.',
    labelNames: ['method', 'result'],
    registers: [registry],
  });
  const children = new Map(
    [...authMethods, 'none' as const].map((method) => [
      method,
      Object.fromEntries(results.map((result) => [result, checked.labels(method, result)])) as Record<
        (typeof results)[number],
        { inc(): void }
      >,
    ]),
  );
  const now = { keys: () => 0, revocations: () => 0, watched: () => 0 };
  readGauge(registry, 'sluice_edge_cached_keys', 'API keys that this edge has at hand.', () => now.keys());
  readGauge(registry, 'sluice_edge_revocations', 'Revocations that this edge knows.', () =>
    now.revocations(),
  );
  readGauge(
    registry,
    'sluice_edge_watched_callers',
    'Live connections that end when their credentials do.',
    () => now.watched(),
  );

  type Method = (typeof authMethods)[number];
  return {
    /** What the gauges show when somebody looks. */
    now,
    accepted(method: Method): void {
      children.get(method)?.accepted.inc();
    },
    /** Counts it and gives the error back. */
    refused(method: Method | 'none', error: unknown): unknown {
      const { status } = toSluiceError(error);
      children.get(method)?.[status < 500 ? 'refused' : 'unavailable'].inc();
      return error;
    },
  };
}
