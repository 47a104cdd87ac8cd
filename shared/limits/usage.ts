import { countersOf, isBusError, streamState, type Bus, type Count } from '@sluice/nats';
import type { Consumer, GatewayDocument } from '@sluice/policy';
import { usageBucket } from './buckets.ts';
import { usageKey } from './counter-key.ts';
import { periodAt, type PeriodKind } from './period.ts';

/** What a consumer has used of one quota in the present period. Times are milliseconds since the epoch. */
export interface Usage {
  readonly quota: string;
  readonly period: PeriodKind;
  readonly start: number;
  readonly end: number;
  readonly limit: number;
  /** Tokens, those included that an edge has taken but not spent yet (about half a second's worth). */
  readonly used: number;
}

const waitMs = 5_000;

/**
 * Usage of every quota that the consumer has, in the order it lists them. Quotas that the document does not know are left
 * out. Throws BusError when the counters cannot be read.
 */
export async function readUsage(
  bus: Bus,
  consumer: Pick<Consumer, 'id' | 'quotas'>,
  document: Pick<GatewayDocument, 'quotas'>,
  now = Date.now(),
): Promise<Usage[]> {
  const wanted = consumer.quotas.flatMap((name) => {
    const quota = document.quotas[name];
    if (!quota) return [];
    const period = periodAt(now, quota.period);
    return [{ name, quota, period, key: usageKey(`${consumer.id}.${name}`, period.name) }];
  });
  const counts = await readCounts(
    bus,
    wanted.map(({ key }) => key),
  );
  return wanted.map(({ name, quota, period, key }) => ({
    quota: name,
    period: quota.period,
    start: period.start,
    end: period.end,
    limit: quota.limit,
    used: Math.max(0, counts.get(key)?.total ?? 0),
  }));
}

async function readCounts(bus: Bus, keys: readonly string[]): Promise<ReadonlyMap<string, Count>> {
  try {
    return await countersOf(bus, usageBucket.name).read(keys, { waitMs });
  } catch (error) {
    if (!isBusError(error, 'no_responders')) throw error;
    // Nobody answers for a bucket that was never made: then nothing was used. Anything else is a failure.
    const exists = await streamState(bus, `KV_${usageBucket.name}`).then(
      () => true,
      (cause: unknown) => !isBusError(cause, 'rejected'),
    );
    if (exists) throw error;
    return new Map();
  }
}
