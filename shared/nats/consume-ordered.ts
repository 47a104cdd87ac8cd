import { Backlog } from './backlog.ts';
import type { Bus } from './bus.ts';
import type { BatchHandler, Consumption } from './consume.ts';
import { Puller } from './puller.ts';
import { createEphemeral } from './snapshot.ts';
import { streamState } from './streams.ts';

const batchSize = 500;
const firstPauseMs = 100;
const longestPauseMs = 5_000;

/**
 * Reads a stream in order from `fromSeq` on, without acknowledgements and without a gap, through reconnects and restarts.
 * Batches are what has arrived, at most 500. A handler that rejects gets the same batch again after a pause; `reject` on
 * a message does nothing here. A memory stream that was lost and made anew is read from its beginning: sequences start
 * over then, and `streamState` shows another `createdMs`.
 */
export async function consumeOrdered(
  bus: Bus,
  options: { readonly stream: string; readonly filter: string; readonly fromSeq: number },
  handler: BatchHandler,
): Promise<Consumption> {
  const { stream, filter } = options;
  const backlog = new Backlog(batchSize);
  let next = Math.max(options.fromSeq, 1);
  let delivered = 0;
  let incarnation: number | undefined;
  const puller = await Puller.start(bus, {
    stream,
    prepare: async () => {
      const { createdMs } = await streamState(bus, stream);
      if (incarnation !== undefined && createdMs !== incarnation) next = 1;
      incarnation = createdMs;
      delivered = 0;
      const { name } = await createEphemeral(bus, stream, {
        filter_subject: filter,
        deliver_policy: 'by_start_sequence',
        opt_start_seq: next,
      });
      return name;
    },
    onMessage: (message) => {
      if (message.consumerSeq !== delivered + 1) return false;
      delivered = message.consumerSeq;
      next = message.seq + 1;
      backlog.add(message);
      return true;
    },
    room: () => backlog.room,
  });

  const work = async (): Promise<void> => {
    for (;;) {
      const batch = await backlog.take(batchSize, 0);
      if (batch === null) return;
      puller.more();
      for (let pauseMs = firstPauseMs; !backlog.ended; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
        try {
          await handler(batch);
          break;
        } catch (error) {
          bus.report({ kind: 'handler', detail: `reader of ${stream} failed`, error });
          await backlog.pause(pauseMs);
        }
      }
    }
  };
  const working = work();

  return {
    stop: async () => {
      backlog.end();
      await Promise.all([puller.stop(), working]);
      if (bus.connected) await puller.forget();
    },
  };
}
