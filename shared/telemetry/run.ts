import { setFlagsFromString } from 'node:v8';
import type { Logger } from './logger.ts';

/**
 * The space for young objects goes to its full size (16 MB) at its first growth instead of doubling when enough has
 * survived. Services make kilobytes per message that live for a moment: with few collections nearly all of it is
 * dead when one comes, and what is not moves to the old space less often. Measured under load: half the collections, and
 * up to a tenth less CPU. V8 reads this factor whenever the space grows, unlike the sizes
 * themselves, which count only as flags of the command line.
 */
const youngSpaceGrowth = '--semi-space-growth-factor=16';

/**
 * The bytes of buffers count towards the limit of the whole heap instead of a fixed one of their own, which answers of
 * 80 kB reach hundreds of times a minute: each time everything is marked. Measured on 500 candles through the gateway: a
 * third of the full collections, and of the CPU per request 0.5 ms instead of 1.2 in the router, 0.5 instead of 0.9 in
 * the edge. V8 asks for this flag, too, whenever it matters.
 */
const buffersInHeapLimit = '--external-memory-accounted-in-global-limit';

/**
 * The heap, buffers included, may grow to four times of what a full collection left before the next one. V8 chooses
 * less, one and a half times mostly, when there is little work beside the collecting, and marks twenty megabytes of live objects
 * a few times a second for the sake of buffers that are dead by then. Measured on 500 candles: half the CPU per request in router and
 * edge. It never takes more than half of the way to the heap limit, which V8 derives from that of the container.
 */
const heapGrowth = '--heap-growing-percent=300';

/** What a process does after it started: how to stop it in order. `stop` finishes work in flight, then closes. */
export interface Lifecycle {
  stop(): Promise<void>;
  /** How long a stop may take before the process ends all the same, milliseconds; default 30 s. */
  readonly stopWithinMs?: number;
}

const stopWithinMs = 30_000;

/**
 * How long a start may go on after a signal. One that does not wait for anybody is over by then and is stopped in order;
 * one that waits for what may never come has taken no work, and there is nothing to finish.
 */
const startMs = 5_000;

/**
 * Starts a process and ties it to its signals. SIGTERM or SIGINT stops it in order; a second one, or the time limit,
 * ends it at once. What escapes every handler is logged and ends the process: its state is unknown then, and the
 * supervisor starts a new one. A start that fails ends with one line and exit code 1. `start` gets a signal that is
 * aborted when the process shall stop before it has started: what waits for others should give up then. Such a stop
 * ends with code 0, too. Images load preload.cjs first, so that signals count from before this is called.
 */
export async function runService(
  logger: Logger,
  start: (starting: AbortSignal) => Promise<Lifecycle>,
): Promise<void> {
  setFlagsFromString(youngSpaceGrowth);
  setFlagsFromString(buffersInHeapLimit);
  setFlagsFromString(heapGrowth);
  const fail = (error: unknown, message: string): void => {
    logger.fatal({ err: error }, message);
    process.exit(1);
  };
  process.on('uncaughtException', (error) => fail(error, 'stopped by an error that nothing handled'));
  process.on('unhandledRejection', (error) => fail(error, 'stopped by a rejection that nothing handled'));

  const starting = new AbortController();
  const leaveStart = (): never => {
    logger.info('stopped before it had started');
    process.exit(0);
  };
  let signalled: NodeJS.Signals | undefined;
  let lifecycle: Lifecycle | undefined;
  const stop = (started: Lifecycle, signal: NodeJS.Signals): void => {
    logger.info({ signal }, 'stopping');
    setTimeout(
      () => fail(new Error('stop took too long'), 'ending at once'),
      started.stopWithinMs ?? stopWithinMs,
    ).unref();
    started.stop().then(
      () => {
        logger.info('stopped');
        process.exit(0);
      },
      (error: unknown) => fail(error, 'stopping failed'),
    );
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signalled) {
      logger.warn({ signal }, 'second signal: ending at once');
      process.exit(1);
    }
    signalled = signal;
    if (lifecycle) return stop(lifecycle, signal);
    logger.info({ signal }, 'stopping before the start is over');
    setTimeout(() => {
      if (!lifecycle) leaveStart();
    }, startMs);
    starting.abort(new Error(`stopped by ${signal}`));
  };
  takeSignals(onSignal);

  try {
    lifecycle = await start(starting.signal);
  } catch (error) {
    if (signalled) {
      if (error !== starting.signal.reason)
        logger.warn(error instanceof Error ? error.message : String(error));
      leaveStart();
    }
    logger.fatal(error instanceof Error ? error.message : String(error));
    logger.debug({ err: error }, 'start failed');
    process.exit(1);
  }
  if (signalled) stop(lifecycle, signalled);
}

/** Tells `listener` of stop signals, and no longer the preload, without a moment in which nobody listens. */
function takeSignals(listener: (signal: NodeJS.Signals) => void): void {
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    const early = process.listeners(name);
    process.on(name, listener);
    for (const each of early) process.off(name, each);
  }
}
