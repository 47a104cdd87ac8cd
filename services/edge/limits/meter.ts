import { allLimits, type GatewayDocument, type Limit, type Quota } from '@sluice/policy';
import { keyText, type KeyText } from './key-text.ts';

/** How calls ended at a meter, counted in plain numbers: only a scrape of the metrics makes labels of them. */
export const outcomes = ['admitted', 'refused', 'emergency', 'unavailable', 'queued'] as const;
export type MeterCounts = Record<(typeof outcomes)[number], number>;

/**
 * One thing that is counted and bounded: a limit has one, with a burst two, a quota has one. Made when the document
 * changes; as long as what it says stays the same, so does the object, and with it the leases.
 */
export interface Meter {
  readonly kind: 'window' | 'period';
  /** As clients see it in the `RateLimit` fields. */
  readonly name: string;
  /** Name of the limit or quota in the document. */
  readonly policy: string;
  readonly limit: number;
  /** Of a period, about. */
  readonly windowMs: number;
  readonly period: Quota['period'] | null;
  readonly onFailure: 'open' | 'closed';
  /** Calls that may pass in a window while nobody grants leases. */
  readonly emergency: number;
  readonly throttle: { readonly delayMs: number; readonly queue: number } | null;
  readonly keyText: KeyText;
  /** Unlike any other meter's, those of earlier documents included. */
  readonly id: string;
  readonly counts: MeterCounts;
  /** The document has another one in its place, or none. */
  retired: boolean;
}

const burstMs = 1_000;
const dayMs = 86_400_000;

/** Meters by the name of their limit or quota. */
export type Meters = ReadonlyMap<string, readonly Meter[]>;

/** Makes the meters of a document, keeping those of `before` that still mean the same. */
export function compileMeters(
  document: Pick<GatewayDocument, 'limits' | 'quotas' | 'logins'>,
  before: Meters,
  countsOf: (policy: string) => MeterCounts,
): Meters {
  const meters = new Map<string, readonly Meter[]>();
  const keep = (name: string, made: Meter[]): void => {
    const old = before.get(name);
    meters.set(name, old !== undefined && sameMeaning(old, made) ? old : made);
  };
  for (const [name, limit] of Object.entries(allLimits(document)))
    keep(name, limitMeters(name, limit, countsOf(name)));
  for (const [name, quota] of Object.entries(document.quotas))
    keep(name, [quotaMeter(name, quota, countsOf(name))]);
  for (const [name, old] of before)
    if (meters.get(name) !== old) for (const meter of old) meter.retired = true;
  return meters;
}

const definitions = new WeakMap<Meter, string>();
let made = 0;

function sameMeaning(a: readonly Meter[], b: readonly Meter[]): boolean {
  return (
    a.length === b.length && a.every((meter, i) => definitions.get(meter) === definitions.get(b[i] as Meter))
  );
}

function defined(meter: Omit<Meter, 'id' | 'retired'>, definition: unknown): Meter {
  const whole = { ...meter, id: `${(made++).toString(36)}|`, retired: false };
  definitions.set(whole, JSON.stringify(definition));
  return whole;
}

function limitMeters(name: string, limit: Limit, counts: MeterCounts): Meter[] {
  const common = {
    kind: 'window',
    policy: name,
    period: null,
    onFailure: limit.on_failure,
    throttle: limit.throttle ? { delayMs: limit.throttle.delay, queue: limit.throttle.queue } : null,
    keyText: keyText(limit.key),
    counts,
  } as const;
  const emergency = limit.emergency ?? Math.ceil(limit.limit / 10);
  const window = { ...common, name, limit: limit.limit, windowMs: limit.window, emergency };
  const meters = [defined(window, limit)];
  if (limit.burst !== undefined)
    meters.push(
      defined(
        {
          ...common,
          // A name that no limit of the document can have.
          name: `${name}.burst`,
          limit: limit.burst,
          windowMs: burstMs,
          emergency: Math.min(limit.burst, emergency),
        },
        limit,
      ),
    );
  return meters;
}

function quotaMeter(name: string, quota: Quota, counts: MeterCounts): Meter {
  return defined(
    {
      kind: 'period',
      name,
      policy: name,
      limit: quota.limit,
      windowMs: quota.period === 'day' ? dayMs : 31 * dayMs,
      period: quota.period,
      onFailure: quota.on_failure,
      emergency: Math.ceil(quota.limit / 10),
      throttle: null,
      keyText: ({ caller }) => caller?.consumer ?? '',
      counts,
    },
    quota,
  );
}
