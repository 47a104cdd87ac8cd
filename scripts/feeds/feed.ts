import { defineConfig, loadConfig, natsOptionsFrom, natsSettings, opsSettings } from '@sluice/config';
import { connectBus, type Bus } from '@sluice/nats';
import { createLogger, runService, type Logger } from '@sluice/telemetry';

/** Feeds speak NATS and nothing else, so these are all their settings. */
const feedConfig = defineConfig('feed', { ...natsSettings, logLevel: opsSettings.logLevel });

export interface FeedContext {
  readonly bus: Bus;
  readonly logger: Logger;
  /** Aborted when the feed shall stop. */
  readonly signal: AbortSignal;
}

/**
 * Runs a feed as a process: connects, says `ready`, publishes until it has nothing left (exit code 0) or is told to
 * stop. `publish` resolves soon after its signal is aborted.
 */
export async function runFeed(name: string, publish: (context: FeedContext) => Promise<void>): Promise<void> {
  const config = loadConfig(feedConfig, process.env);
  const logger = createLogger({ service: 'feed', instance: String(process.pid), level: config.logLevel });
  await runService(logger, async (starting) => {
    const bus = await connectBus({
      ...natsOptionsFrom(config),
      name,
      report: ({ detail }) => logger.warn(detail),
      signal: starting,
    });
    const abort = new AbortController();
    logger.info({ feed: name }, 'ready');
    const publishing = publish({ bus, logger, signal: abort.signal });
    const finished = publishing.then(() => bus.close(5_000));
    finished.then(
      () => {
        if (!abort.signal.aborted) process.exit(0);
      },
      (error: unknown) => {
        logger.fatal(error instanceof Error ? error.message : String(error));
        process.exit(1);
      },
    );
    return {
      stop: async () => {
        abort.abort();
        await finished;
      },
    };
  });
}

/** Resolves after that time, or at once when the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    // A timer takes 31 bits; a longer gap is slept in parts by whoever asks again.
    const timer = setTimeout(done, Math.min(milliseconds, 2 ** 31 - 1));
    signal.addEventListener('abort', done);
  });
}
