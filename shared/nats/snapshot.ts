import type { Bus } from './bus.ts';
import { callApi, nanos } from './jetstream-api.ts';
import { newName } from './inbox.ts';
import type { DeliveredMessage } from './delivered.ts';
import { Puller } from './puller.ts';
import type { StoredMessage } from './stored-message.ts';

const batchSize = 500;

/** An ephemeral consumer that belongs to one process. Gives its name and how many messages wait for it. */
export async function createEphemeral(
  bus: Bus,
  stream: string,
  config: { readonly filter_subject?: string; readonly [field: string]: unknown },
): Promise<{ name: string; pending: number }> {
  const name = newName();
  const filter = config.filter_subject === undefined ? '' : `.${config.filter_subject}`;
  const made = await callApi<{ num_pending: number }>(bus, `CONSUMER.CREATE.${stream}.${name}${filter}`, {
    stream_name: stream,
    action: 'create',
    config: {
      name,
      ack_policy: 'none',
      max_deliver: 1,
      replay_policy: 'instant',
      mem_storage: true,
      num_replicas: 1,
      // Long enough to outlive a reconnect's retry, short enough that a killed process leaves nothing behind.
      inactive_threshold: nanos(60_000),
      ...config,
    },
  });
  return { name, pending: made.num_pending };
}

/** The newest message of every subject through a consumer, for more subjects than a direct question may match. */
export async function lastByConsumer(
  bus: Bus,
  stream: string,
  subjects: readonly string[],
): Promise<StoredMessage[]> {
  const found = new Map<string, DeliveredMessage>();
  const done = Promise.withResolvers<void>();
  let delivered = 0;
  const puller = await Puller.start(bus, {
    stream,
    prepare: async () => {
      found.clear();
      delivered = 0;
      const { name, pending } = await createEphemeral(bus, stream, {
        deliver_policy: 'last_per_subject',
        filter_subjects: subjects,
      });
      if (pending === 0) done.resolve();
      return name;
    },
    onMessage: (message) => {
      if (message.consumerSeq !== delivered + 1) return false;
      delivered = message.consumerSeq;
      found.set(message.subject, message);
      if (message.pending === 0) done.resolve();
      return true;
    },
    onIdle: (consumerSeq) => {
      if (consumerSeq !== delivered) return false;
      done.resolve();
      return true;
    },
    room: () => batchSize,
  });
  await done.promise;
  await puller.stop();
  await puller.forget();
  return [...found.values()].sort((a, b) => a.seq - b.seq);
}
