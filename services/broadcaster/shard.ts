import { holdLease } from '@sluice/nats';
import { Broadcast, type BroadcastOptions } from './broadcast.ts';

export interface ShardOptions extends BroadcastOptions {
  readonly shard: string;
  /** Who this replica is, for people who look at the lease. */
  readonly holder: string;
  readonly leaseMs: number;
}

export interface Shard {
  /** Hands over: what was read is published and checkpointed, then another replica can take the lease at once. */
  stop(): Promise<void>;
}

/** Broadcasts the shard whenever this replica holds its lease, and stands by otherwise. */
export async function standForShard(options: ShardOptions): Promise<Shard> {
  const { bus, logger, metrics, shard } = options;
  let term: Broadcast | undefined;
  let handover = false;
  metrics.active.set(0);
  const lease = await holdLease(
    bus,
    {
      name: `broadcaster.${shard}`,
      ttlMs: options.leaseMs,
      holder: options.holder,
      replicas: options.replicas,
    },
    {
      onAcquired: async () => {
        const start = performance.now();
        term = await Broadcast.start(options);
        metrics.active.set(1);
        logger.info({ shard, ms: Math.round(performance.now() - start) }, 'broadcasting');
      },
      onLost: async () => {
        const ended = term;
        term = undefined;
        metrics.active.set(0);
        await ended?.stop(handover);
        logger.info({ shard, handover }, 'standing by');
      },
    },
  );
  return {
    stop: async () => {
      handover = bus.connected;
      await lease.release();
    },
  };
}
