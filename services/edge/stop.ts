import { setTimeout as wait } from 'node:timers/promises';
import type { Bus } from '@sluice/nats';
import type { Logger, OpsServer } from '@sluice/telemetry';
import type { HttpServer } from './http/server.ts';
import type { InFlight } from './in-flight.ts';
import type { Live } from './live-port.ts';

export interface StopOptions {
  /** Makes `/health/ready` say no. */
  readonly setNotReady: () => void;
  readonly drainDelayMs: number;
  readonly graceMs: number;
  readonly http: Pick<HttpServer, 'drain' | 'close'>;
  readonly inFlight: Pick<InFlight, 'idle'>;
  readonly live: Pick<Live, 'close'>;
  /** Ends discovery and the route table's watch. */
  readonly withdraw: () => Promise<void>;
  readonly bus: Pick<Bus, 'close'>;
  readonly ops: Pick<OpsServer, 'close'>;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** For taking leave of NATS, after everything else. */
const leaveMs = 3_000;

/** How long {@link stopEdge} may take, milliseconds, where every step of it takes all of its time. */
export function stopWithinMs(options: {
  readonly drainDelayMs: number;
  readonly graceMs: number;
  readonly live: Pick<Live, 'closeWithinMs'>;
}): number {
  return options.drainDelayMs + options.graceMs + options.live.closeWithinMs + leaveMs;
}

/**
 * Stops an edge so that no client loses an answer (DESIGN.md, "Stopping"): not ready → wait for load balancers → stop
 * accepting → finish what is in flight → close live connections with a reason → flush → close.
 */
export async function stopEdge(options: StopOptions): Promise<void> {
  const { http, live, logger } = options;
  options.setNotReady();
  await wait(options.drainDelayMs);
  const until = performance.now() + options.graceMs;
  const left = (): number => Math.max(0, until - performance.now());
  http.drain();
  const unfinished = await options.inFlight.idle(left());
  if (unfinished > 0)
    logger.warn({ requests: unfinished }, 'requests were still in flight when the time was up');
  await live.close('the gateway is restarting');
  await http.close(left());
  await options.withdraw();
  await options.bus.close();
  await options.ops.close();
}
