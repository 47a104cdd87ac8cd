import { Backlog } from './backlog.ts';
import type { Bus } from './bus.ts';
import type { ConsumedMessage, DeliveredMessage } from './delivered.ts';
import { callApiPatiently, nanos } from './jetstream-api.ts';
import { Puller } from './puller.ts';

export interface BatchOptions {
  readonly stream: string;
  /** Name of the durable consumer; replicas that use the same one share its messages. */
  readonly durable: string;
  readonly filter: string;
  readonly maxBatch: number;
  /** How long the first message of a batch waits for others. */
  readonly maxWaitMs: number;
  /** How long the server waits for an acknowledgement; a handler that takes longer keeps its batch all the same. */
  readonly ackWaitMs: number;
  /** Messages delivered and not acknowledged, over all replicas; default ten batches. */
  readonly maxAckPending?: number;
  /** Where a consumer that is made now starts; default `all`. */
  readonly deliver?: 'all' | 'new';
}

export type BatchHandler = (batch: ConsumedMessage[]) => Promise<void>;

/** Something that reads until it is told to stop. */
export interface Consumption {
  /** Takes nothing more, waits for the handler that runs, hands back what it did not get to. */
  stop(): Promise<void>;
}

const firstPauseMs = 100;
const longestPauseMs = 10_000;

/** A handler that never returns must not keep its batch from the other replicas for ever. */
const mostExtensions = 20;

/**
 * Reads a stream at least once through a durable consumer. The handler gets one batch at a time; when it resolves the
 * whole batch is acknowledged, when it rejects the batch is handed back, told to the bus's reporter, and reading pauses,
 * longer with every failure in a row. Nothing is lost however long it fails.
 * Throws BusError `rejected` when the stream is missing or the durable exists with other fixed settings.
 */
export async function consumeBatches(
  bus: Bus,
  options: BatchOptions,
  handler: BatchHandler,
): Promise<Consumption> {
  const { stream, durable, filter, maxBatch, ackWaitMs } = options;
  const backlog = new Backlog(maxBatch);
  const puller = await Puller.start(bus, {
    stream,
    prepare: async () => {
      await callApiPatiently(bus, `CONSUMER.CREATE.${stream}.${durable}.${filter}`, {
        stream_name: stream,
        config: {
          name: durable,
          durable_name: durable,
          filter_subject: filter,
          deliver_policy: options.deliver ?? 'all',
          ack_policy: 'explicit',
          ack_wait: nanos(ackWaitMs),
          max_deliver: -1,
          max_ack_pending: options.maxAckPending ?? maxBatch * 10,
          replay_policy: 'instant',
        },
      });
      return durable;
    },
    onMessage: (message) => {
      backlog.add(message);
      return true;
    },
    room: () => backlog.room,
  });

  let running: readonly DeliveredMessage[] = [];
  let extensions = 0;
  const keepAlive = setInterval(() => {
    if (++extensions <= mostExtensions) for (const message of running) message.stillWorking();
    for (const message of backlog.waiting) message.stillWorking();
  }, ackWaitMs / 3);
  keepAlive.unref();

  const work = async (): Promise<void> => {
    let pauseMs = firstPauseMs;
    for (;;) {
      const batch = await backlog.take(maxBatch, options.maxWaitMs);
      if (batch === null) return;
      puller.more();
      running = batch;
      extensions = 0;
      try {
        await handler(batch);
        for (const message of batch) message.acknowledge();
        pauseMs = firstPauseMs;
      } catch (error) {
        bus.report({ kind: 'handler', detail: `batch of ${durable} on ${stream} failed`, error });
        for (const message of batch) message.handBack(pauseMs);
        await backlog.pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      } finally {
        running = [];
      }
    }
  };
  const working = work();

  return {
    stop: async () => {
      const stopped = puller.stop();
      backlog.end();
      await Promise.all([stopped, working]);
      clearInterval(keepAlive);
      for (const message of backlog.waiting) message.handBack(0);
      if (bus.connected) await bus.flush().catch(() => {});
    },
  };
}
