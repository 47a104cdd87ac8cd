import { ensureStream, openBucket, type Bus } from '@sluice/nats';
import { consumersBucket, keyUsageBucket, revocationsBucket, type DocumentFollower } from '@sluice/policy';
import { AuditLog } from './audit/log.ts';
import { auditStreamSpec } from './audit/stream.ts';
import { ConsumerDirectory } from './consumers/directory.ts';
import { ConsumerStore } from './consumers/store.ts';
import { KeyStore } from './keys/store.ts';
import type { Metrics } from './metrics.ts';
import { RevocationStore } from './revocations/store.ts';

/** Where everything is kept that the control API changes, besides the document itself. */
export interface Stores {
  readonly audit: AuditLog;
  readonly consumers: ConsumerStore;
  readonly directory: ConsumerDirectory;
  readonly keys: KeyStore;
  readonly revocations: RevocationStore;
}

/** Opens the buckets and the audit stream, made where they are missing. Throws BusError. */
export async function openStores(
  bus: Bus,
  options: {
    readonly replicas: number;
    readonly auditDays: number;
    readonly document: DocumentFollower;
    readonly metrics: Metrics;
    readonly report: (detail: string, error: unknown) => void;
  },
): Promise<Stores> {
  const { replicas, auditDays, document, metrics, report } = options;
  const [clients, usage, revoked] = await Promise.all([
    openBucket(bus, { name: consumersBucket, replicas }),
    openBucket(bus, { name: keyUsageBucket, replicas }),
    openBucket(bus, { name: revocationsBucket, replicas, perKeyTtl: true }),
    ensureStream(bus, auditStreamSpec({ replicas, days: auditDays })),
  ]);
  const consumers = new ConsumerStore(clients);
  return {
    audit: new AuditLog(bus, { metrics, report }),
    consumers,
    directory: new ConsumerDirectory(document, consumers),
    keys: new KeyStore(clients, usage),
    revocations: new RevocationStore(revoked),
  };
}
