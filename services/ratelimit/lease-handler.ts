import { SluiceError } from '@sluice/errors';
import {
  decodeGiveBacks,
  decodeLeaseRequest,
  encodeGrants,
  LimitsProtocolError,
  type GiveBack,
  type Grant,
  type Want,
} from '@sluice/limits';
import type { BusMessage } from '@sluice/nats';
import type { Granter } from './granter.ts';
import type { RatelimitMetrics } from './metrics.ts';

export interface HandlerOptions {
  readonly granter: Pick<Granter, 'grant' | 'giveBack'>;
  readonly metrics: Pick<RatelimitMetrics, 'granted' | 'refused' | 'failed' | 'returned' | 'leaseSeconds'>;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/**
 * Answers a lease request: all of its wants or none. Tokens that were granted too late for the edge that asked, or beside
 * a want that failed, go back at once. Throws SluiceError for a message that is none.
 */
export function leaseHandler(options: HandlerOptions): (message: BusMessage) => Promise<void> {
  const { granter, metrics } = options;
  const now = options.now ?? (() => performance.now());
  return async (message) => {
    const receivedAt = now();
    const { wants, patienceMs } = decoded(() => decodeLeaseRequest(message.text()));
    const outcomes = await Promise.allSettled(wants.map((want) => granter.grant(want, receivedAt)));
    const took = now() - receivedAt;
    metrics.leaseSeconds.observe(took / 1_000);
    const grants: Grant[] = [];
    let failure: unknown;
    for (const outcome of outcomes)
      if (outcome.status === 'fulfilled') grants.push(outcome.value);
      else failure ??= outcome.reason;
    if (grants.length < wants.length || took > patienceMs) {
      metrics.failed.inc();
      outcomes.forEach((outcome, i) => {
        if (outcome.status === 'fulfilled' && outcome.value.n > 0)
          void granter.giveBack(unspent(wants[i] as Want, outcome.value));
      });
      throw new SluiceError('unavailable', 'The counters could not be reached in time.', { cause: failure });
    }
    for (const { n } of grants)
      if (n > 0) metrics.granted.inc(n);
      else metrics.refused.inc();
    message.respond(encodeGrants(grants));
  };
}

/** Takes back what edges have not spent. Nobody waits for an answer. */
export function returnHandler(options: HandlerOptions): (message: BusMessage) => Promise<void> {
  const { granter, metrics } = options;
  return async (message) => {
    const entries = decoded(() => decodeGiveBacks(message.text()));
    for (const { n } of entries) metrics.returned.inc(n);
    await Promise.all(entries.map((entry) => granter.giveBack(entry)));
  };
}

function unspent(want: Want, { place, n }: Grant): GiveBack {
  const { counter } = want;
  return want.kind === 'window'
    ? { kind: 'window', counter, windowMs: want.windowMs, place, n }
    : { kind: 'period', counter, place, n };
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (cause instanceof LimitsProtocolError) throw new SluiceError('bad_request', cause.message, { cause });
    throw cause;
  }
}
