import { isMarker, type BucketChange } from './bucket-entry.ts';
import type { Bus } from './bus.ts';
import type { DeliveredMessage } from './delivered.ts';
import { Puller } from './puller.ts';
import { createEphemeral } from './snapshot.ts';

const batchSize = 500;

/**
 * Follows a bucket's stream. Every time the consumer has to be made anew, the present values come again, and keys that
 * were known and are missing among them are told as deleted: the marks of their deletion may be gone by then.
 */
export async function watchBucket(
  bus: Bus,
  stream: string,
  prefix: string,
  options: { onChange(change: BucketChange): void; onReady?(): void; keys?: string },
): Promise<() => void> {
  const known = new Set<string>();
  let seen: Set<string> | null = new Set();
  let expected = 0;
  let delivered = 0;
  let lastRevision = 0;
  let ready = false;

  const guarded = (tell: () => void): void => {
    try {
      tell();
    } catch (error) {
      bus.report({ kind: 'handler', detail: `watcher of ${stream} failed`, error });
    }
  };

  const change = (key: string, value: Uint8Array | null, revision: number): void => {
    if (value === null && !known.delete(key)) return;
    if (value !== null) known.add(key);
    guarded(() => options.onChange({ key, value, revision }));
  };

  const complete = (): void => {
    const present = seen;
    if (present === null) return;
    seen = null;
    for (const key of known) if (!present.has(key)) change(key, null, lastRevision);
    if (ready) return;
    ready = true;
    guarded(() => options.onReady?.());
  };

  const onMessage = (message: DeliveredMessage): boolean => {
    if (message.consumerSeq !== delivered + 1) return false;
    delivered = message.consumerSeq;
    lastRevision = message.seq;
    const key = message.subject.slice(prefix.length);
    seen?.add(key);
    change(key, isMarker(message) ? null : message.data, message.seq);
    // Keys that change meanwhile come twice or later than their turn, so either sign ends the first part.
    if (seen !== null && (message.pending === 0 || delivered >= expected)) complete();
    return true;
  };

  const puller = await Puller.start(bus, {
    stream,
    prepare: async () => {
      seen = new Set();
      delivered = 0;
      const { name, pending } = await createEphemeral(bus, stream, {
        deliver_policy: 'last_per_subject',
        filter_subject: `${prefix}${options.keys ?? '>'}`,
      });
      expected = pending;
      if (pending === 0) complete();
      return name;
    },
    onMessage,
    room: () => batchSize,
  });

  return () => {
    void puller.stop().then(() => puller.forget());
  };
}
