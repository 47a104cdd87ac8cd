import { isMarker, type BucketChange } from './bucket-entry.ts';
import type { Bus } from './bus.ts';
import type { DeliveredMessage } from './delivered.ts';
import { Puller } from './puller.ts';
import { createEphemeral } from './snapshot.ts';

const batchSize = 500;

/**
 * What was told of a key last. A bucket that was lost and made anew, or brought back from a backup, gives the numbers of
 * its revisions a second time: only together with its time does one name a value.
 */
interface Told {
  readonly revision: number;
  readonly timeMs: number;
}

/**
 * Follows a bucket's stream. Every time the consumer has to be made anew, what was written since the last change comes
 * first, because somebody waits for it and the rest may take long (measured: six seconds for 200,000 keys). Then the
 * present values are read again: those that are others are told, and keys that were known and are missing among them are
 * told as deleted, because the marks of their deletion may be gone by then. Followers therefore need not compare revisions.
 */
export async function watchBucket(
  bus: Bus,
  stream: string,
  prefix: string,
  options: { onChange(change: BucketChange): void; onReady?(): void; keys?: string },
): Promise<() => void> {
  const known = new Map<string, Told>();
  let seen: Set<string> | null = new Set();
  let delivered = 0;
  let lastRevision = 0;
  let newest = 0;
  let ready = false;
  /** Whether the consumer brings what was written since the last change, and nothing else. */
  let catchingUp = false;
  let caughtUp = true;
  const filter_subject = `${prefix}${options.keys ?? '>'}`;

  const guarded = (tell: () => void): void => {
    try {
      tell();
    } catch (error) {
      bus.report({ kind: 'handler', detail: `watcher of ${stream} failed`, error });
    }
  };

  const gone = (key: string): void => {
    if (known.delete(key)) guarded(() => options.onChange({ key, value: null, revision: lastRevision }));
  };

  const present = (key: string, { data, seq, timeMs }: DeliveredMessage): void => {
    const told = known.get(key);
    if (told?.revision === seq && told.timeMs === timeMs) return;
    known.set(key, { revision: seq, timeMs });
    guarded(() => options.onChange({ key, value: data, revision: seq }));
  };

  const complete = (): void => {
    const found = seen;
    if (found === null) return;
    seen = null;
    for (const key of known.keys()) if (!found.has(key)) gone(key);
    if (ready) return;
    ready = true;
    guarded(() => options.onReady?.());
  };

  const onMessage = (message: DeliveredMessage): boolean => {
    if (message.consumerSeq !== delivered + 1) return false;
    delivered = message.consumerSeq;
    lastRevision = message.seq;
    // The present values begin with old ones.
    newest = Math.max(newest, message.seq);
    const key = message.subject.slice(prefix.length);
    if (isMarker(message)) gone(key);
    else present(key, message);
    if (catchingUp) {
      caughtUp = message.pending === 0;
      return !caughtUp;
    }
    seen?.add(key);
    // No count of messages tells it: a key that changes meanwhile comes later than its turn, one that came already again.
    if (message.pending === 0) complete();
    return true;
  };

  const puller = await Puller.start(bus, {
    stream,
    prepare: async () => {
      delivered = 0;
      catchingUp = !caughtUp;
      if (catchingUp) {
        const missed = await createEphemeral(bus, stream, {
          deliver_policy: 'by_start_sequence',
          opt_start_seq: newest + 1,
          filter_subject,
        });
        if (missed.pending > 0) return missed.name;
        catchingUp = false;
      }
      seen = new Set();
      const { name, pending } = await createEphemeral(bus, stream, {
        deliver_policy: 'last_per_subject',
        filter_subject,
      });
      // Whatever makes a consumer necessary again, there may be something to catch up with.
      caughtUp = false;
      if (pending === 0) complete();
      return name;
    },
    onMessage,
    onIdle: (consumerSeq) => {
      if (consumerSeq !== delivered) return false;
      // What was to be caught up with has been purged meanwhile.
      if (catchingUp) caughtUp = true;
      else complete();
      return !catchingUp;
    },
    room: () => batchSize,
  });

  return () => {
    void puller.stop().then(() => puller.forget());
  };
}
