import { connectBus, openBucket, type Bus } from '@sluice/nats';
import {
  applyDocument,
  consumersBucket,
  encodeKey,
  keyEntryKey,
  makeApiKey,
  type GatewayInput,
  type StoredKey,
} from '@sluice/policy';

/** Runs `work` with a connection of the benchmark's own, which is closed afterwards. */
export async function withBus<T>(natsUrl: string, work: (bus: Bus) => Promise<T>): Promise<T> {
  const bus = await connectBus({ servers: [natsUrl], name: 'benchmark' });
  try {
    return await work(bus);
  } finally {
    await bus.close();
  }
}

/** Stores the gateway document, as `npm run gateway -- apply` does. */
export async function storeDocument(bus: Bus, document: GatewayInput): Promise<void> {
  await applyDocument(bus, document, { expectedRevision: null, author: 'benchmark' });
}

/** Makes one API key for each consumer and stores it, as the control API does; gives their texts. */
export async function storeKeys(bus: Bus, consumers: readonly string[]): Promise<string[]> {
  const bucket = await openBucket(bus, { name: consumersBucket });
  return Promise.all(
    consumers.map(async (consumer) => {
      const { id, text, hash } = makeApiKey();
      await bucket.put(keyEntryKey(id), encodeKey(keyOf(id, consumer, hash)));
      return text;
    }),
  );
}

export function keyOf(id: string, consumer: string, hash: string): StoredKey {
  return { id, consumer, hash, name: 'benchmark', created: Date.now(), expires: null, disabled: false };
}
