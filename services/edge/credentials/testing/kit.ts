import { loadConfig } from '@sluice/config';
import { connectBus, openBucket, type Bucket, type Bus } from '@sluice/nats';
import {
  consumerEntryKey,
  consumerSchema,
  consumersBucket,
  encodeConsumer,
  encodeKey,
  keyEntryKey,
  makeApiKey,
  revocationKey,
  revocationsBucket,
  type ApiKey,
  type GatewayInput,
  type RevokedThing,
  type StoredKey,
} from '@sluice/policy';
import { Registry } from '@sluice/telemetry';
import type { TestNats } from '@sluice/testing';
import { edgeConfig } from '../../config.ts';
import { TestDocuments } from '../../testing/documents.ts';
import type { CredentialMethod } from '../authenticator.ts';
import type { DocumentSource } from '../method-context.ts';
import { openAuthenticator, type OpenAuthenticator } from '../open-authenticator.ts';
import type { CredentialSettings } from '../settings.ts';

/** An authenticator on a real NATS server, and what the admin side writes for it. */
export interface CredentialKit {
  readonly authenticator: OpenAuthenticator;
  readonly documents: TestDocuments;
  readonly registry: Registry;
  readonly reports: string[];
  /** The authenticator's connection. */
  readonly bus: Bus;
  readonly consumers: Bucket;
  putConsumer(id: string, more?: object): Promise<void>;
  /** Makes a key, or changes one that was made. */
  putKey(of: { key?: ApiKey; consumer?: string } & Partial<StoredKey>): Promise<ApiKey>;
  deleteKey(id: string): Promise<void>;
  revoke(thing: RevokedThing, at?: number): Promise<void>;
  /** The figure of a series, 0 where there is none. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startCredentialKit(
  nats: Pick<TestNats, 'url'>,
  options: {
    document?: GatewayInput;
    settings?: Partial<CredentialSettings>;
    /** Makes methods besides those that every authenticator has. */
    methods?: (bus: Bus, document: DocumentSource) => CredentialMethod[];
  } = {},
): Promise<CredentialKit> {
  const bus = await connectBus({ servers: [nats.url], name: 'edge' });
  const admin = await connectBus({ servers: [nats.url], name: 'admin' });
  const documents = new TestDocuments(options.document);
  const registry = new Registry();
  const reports: string[] = [];
  const authenticator = await openAuthenticator({
    bus,
    replicas: 1,
    document: documents,
    settings: { ...loadConfig(edgeConfig, {}), ...options.settings },
    registry,
    ...(options.methods === undefined ? {} : { methods: options.methods(bus, documents) }),
    report: (detail) => reports.push(detail),
  });
  const consumers = await openBucket(admin, { name: consumersBucket });
  const revocations = await openBucket(admin, { name: revocationsBucket, perKeyTtl: true });
  const stop = async (): Promise<void> => {
    await authenticator.stop();
    await Promise.all([bus.close(1_000), admin.close(1_000)]);
  };
  return {
    authenticator,
    documents,
    registry,
    reports,
    bus,
    consumers,
    async putConsumer(id, more = {}) {
      await consumers.put(consumerEntryKey(id), encodeConsumer(consumerSchema.parse({ id, ...more })));
    },
    async putKey({ key = makeApiKey(), consumer = 'acme', ...more }) {
      const entry: StoredKey = {
        id: key.id,
        consumer,
        hash: key.hash,
        name: 'test',
        created: Date.now(),
        expires: null,
        disabled: false,
        ...more,
      };
      await consumers.put(keyEntryKey(key.id), encodeKey(entry));
      return key;
    },
    async deleteKey(id) {
      await consumers.delete(keyEntryKey(id));
    },
    async revoke(thing, at = Date.now()) {
      await revocations.put(revocationKey(thing), JSON.stringify({ at, until: null, reason: 'test' }));
    },
    async metric(name, labels = {}) {
      const found = await registry.getSingleMetric(name)?.get();
      const series = found?.values.filter((value) =>
        Object.entries(labels).every(([label, wanted]) => value.labels[label] === wanted),
      );
      return series?.reduce((sum, { value }) => sum + value, 0) ?? 0;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
