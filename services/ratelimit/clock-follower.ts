import type { Counters } from '@sluice/nats';
import type { ServerClock } from './server-clock.ts';

/** The first look may meet a connection that is warming up; the best of a few counts. */
const firstLooks = 4;

/**
 * Keeps looking at the server's clock. Resolves after the first looks; rejects when there is none to see. Failures later
 * on are told to `report`: the bounds widen by themselves until the clock is no longer known well enough.
 */
export async function followClock(
  counters: Pick<Counters, 'serverTime'>,
  clock: Pick<ServerClock, 'observe'>,
  options: { everyMs: number; report: (error: unknown) => void },
): Promise<{ stop(): void }> {
  for (let i = 0; i < firstLooks; i++) clock.observe(await counters.serverTime());
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    counters
      .serverTime()
      .then((look) => clock.observe(look), options.report)
      .finally(() => (looking = false));
  }, options.everyMs);
  return { stop: () => clearInterval(timer) };
}
