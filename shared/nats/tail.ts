import { isMarker, type BucketChange } from './bucket-entry.ts';
import type { Bus } from './bus.ts';
import type { DeliveredMessage } from './delivered.ts';
import { Puller } from './puller.ts';
import { createEphemeral } from './snapshot.ts';
import { streamState } from './streams.ts';

const batchSize = 500;

export interface TailOptions {
  /** A change from now on, in order; a marker of a key that nobody knew is told too. */
  onChange(change: BucketChange): void;
  /**
   * Changes may have been missed (a reconnect, a restarted server). Whoever keeps values that were read forgets them
   * now: reads that begin after this call see everything that was missed. `another`: the bucket was lost and made anew, or
   * brought back from a backup; revisions of before say nothing of those to come.
   */
  onGap(another: boolean): void;
  readonly keys?: string;
}

/**
 * Follows a bucket from now on, without its present values: for buckets too large to be held, of which a process keeps
 * what it has read. Nothing is remembered per key. Gives a function that stops it.
 */
export async function tailBucket(
  bus: Bus,
  stream: string,
  prefix: string,
  options: TailOptions,
): Promise<() => void> {
  let delivered = 0;
  let createdMs: number | undefined;
  let newest = 0;

  const guarded = (tell: () => void): void => {
    try {
      tell();
    } catch (error) {
      bus.report({ kind: 'handler', detail: `follower of ${stream} failed`, error });
    }
  };

  const onMessage = (message: DeliveredMessage): boolean => {
    if (message.consumerSeq !== delivered + 1) return false;
    delivered = message.consumerSeq;
    newest = message.seq;
    const value = isMarker(message) ? null : message.data;
    const key = message.subject.slice(prefix.length);
    guarded(() => options.onChange({ key, value, revision: message.seq }));
    return true;
  };

  const puller = await Puller.start(bus, {
    stream,
    prepare: async () => {
      const { name } = await createEphemeral(bus, stream, {
        deliver_policy: 'new',
        filter_subject: `${prefix}${options.keys ?? '>'}`,
      });
      delivered = 0;
      // Asked after the consumer was made: what it follows is no older than what this tells of.
      const state = await streamState(bus, stream);
      const began = createdMs !== undefined;
      const another = state.createdMs !== createdMs || state.lastSeq < newest;
      createdMs = state.createdMs;
      newest = state.lastSeq;
      if (began) guarded(() => options.onGap(another));
      return name;
    },
    onMessage,
    room: () => batchSize,
  });

  return () => {
    void puller.stop().then(() => puller.forget());
  };
}
