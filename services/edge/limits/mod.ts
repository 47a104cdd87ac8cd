import type { Bus } from '@sluice/nats';
import type { Consumer, GatewayDocument } from '@sluice/policy';
import type { Registry } from '@sluice/telemetry';
import { LeaseClient } from './lease-client.ts';
import { Limiter, type LimitedCall } from './limiter.ts';
import { compileMeters, type Meters } from './meter.ts';
import { limitMetrics } from './metrics.ts';
import { Plans } from './plans.ts';
import type { LimitSettings } from './settings.ts';

export { limitSettings } from './settings.ts';
export type { LimitedCall } from './limiter.ts';

export interface LimitsOptions {
  readonly bus: Pick<Bus, 'request' | 'publish'>;
  /** The gateway document as the edge follows it. */
  readonly document: {
    readonly current: GatewayDocument;
    onChange(listener: (document: GatewayDocument) => void): () => void;
  };
  /** API clients by id; null for one that is not at hand. */
  readonly consumers: { get(id: string): Consumer | null };
  readonly settings: LimitSettings;
  readonly registry: Registry;
  /** For the log. */
  readonly report: (detail: string, error?: unknown) => void;
}

/** Limits and quotas of calls. */
export interface Limits {
  /** False while the document has neither limits nor quotas: nobody needs to know whose call it is. */
  readonly any: boolean;
  /** Returns or resolves for a call that may go on; throws or rejects with SluiceError 429, or 503 where a policy says so. */
  admit(call: LimitedCall): void | Promise<void>;
  /** Returns every unspent token. */
  stop(): void;
}

const tickMs = 25;

/** Limits by the document, from now on: a change of it counts for the next call. */
export function createLimits(options: LimitsOptions): Limits {
  const { document, consumers, settings, report } = options;
  const metrics = limitMetrics(options.registry);
  const reported = new Set<string>();
  const unknown = (policy: string, route: string): void => {
    const pair = `${route} ${policy}`;
    if (!reported.has(pair))
      report(
        `route "${route}" asks for the limit "${policy}", which the document does not have: nothing bounds it`,
      );
    reported.add(pair);
  };
  let meters: Meters = new Map();
  let plans = new Plans(meters, unknown);
  const follow = (current: GatewayDocument): void => {
    meters = compileMeters(current, meters, (policy) => metrics.of(policy));
    metrics.keep(new Set(meters.keys()));
    reported.clear();
    plans = new Plans(meters, unknown);
  };
  follow(document.current);

  const leaser = new LeaseClient({
    bus: options.bus,
    timeoutMs: settings.limitTimeoutMs,
    onChange: (available, error) => {
      metrics.now.available = () => (available ? 1 : 0);
      if (available) report('leases are granted again');
      else report('no leases are granted: every policy does as its `on_failure` says', error);
    },
  });

  let timer: NodeJS.Timeout | undefined;
  const limiter = new Limiter({
    leaser,
    mostKeys: settings.limitKeys,
    planOf: ({ route, caller }) => {
      if (route === null || (meters.size === 0 && route.limits.length === 0)) return null;
      const id = caller?.consumer;
      return plans.of(route, id ? consumers.get(id) : null);
    },
    wake: () => {
      timer ??= setInterval(() => {
        limiter.tick();
        if (limiter.busy) return;
        clearInterval(timer);
        timer = undefined;
      }, tickMs);
    },
  });
  metrics.now.keys = () => limiter.keys;
  metrics.now.waiting = () => limiter.waiting;
  const unfollow = document.onChange((current) => {
    follow(current);
    limiter.retire();
  });

  return {
    get any() {
      return meters.size > 0;
    },
    admit: (call) => limiter.admit(call),
    stop() {
      unfollow();
      limiter.stop();
      clearInterval(timer);
    },
  };
}
