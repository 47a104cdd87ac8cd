import { readSecret, hashApiKey, parseApiKey, type StoredKey } from '@sluice/policy';
import { SluiceError } from '@sluice/errors';
import { isWrongRevision } from '@sluice/nats';
import type { Actor } from '../access.ts';
import type { AuditLog } from '../audit/log.ts';
import type { ConsumerDirectory } from '../consumers/directory.ts';
import type { ConsumerStore } from '../consumers/store.ts';
import type { KeyStore } from './store.ts';

/** Consumer of the first key. */
export const adminConsumer = 'admin';

/** What the process does by itself. */
const itself: Actor = { subject: 'admin service', kind: 'start', consumer: null, key: null, client: '' };

/**
 * Text of the first key from the settings; null where none is set. Throws an Error that names the setting, never the key:
 * both are given, the file cannot be read, or the text is no API key.
 */
export async function readFirstKey(settings: {
  readonly adminKey?: string | undefined;
  readonly adminKeyFile?: string | undefined;
}): Promise<string | null> {
  const { adminKey, adminKeyFile } = settings;
  if (adminKey === undefined && adminKeyFile === undefined) return null;
  if (adminKey !== undefined && adminKeyFile !== undefined)
    throw new Error('SLUICE_ADMIN_KEY and SLUICE_ADMIN_KEY_FILE are both set: one of them is enough');
  const text = (adminKey ?? (await readSecret({ file: adminKeyFile as string }))).trim();
  const name = adminKey === undefined ? 'SLUICE_ADMIN_KEY_FILE' : 'SLUICE_ADMIN_KEY';
  if (parseApiKey(text) === null)
    throw new Error(`${name} holds no API key: \`npm run gateway -- keys make\` makes one`);
  return text;
}

export interface FirstKeyOptions {
  readonly directory: ConsumerDirectory;
  readonly consumers: ConsumerStore;
  readonly keys: KeyStore;
  readonly audit: AuditLog;
  /** Told of what is there and keeps the key from working. */
  readonly warn: (detail: string) => void;
}

/**
 * Makes sure that the key and its consumer are there, so that a new gateway can be reached. What is there is left as it
 * is: a key that somebody has disabled stays disabled. Any number of processes may do this at once. Throws an Error when
 * there is another key of the same id, SluiceError and BusError.
 */
export async function ensureFirstKey(text: string, options: FirstKeyOptions): Promise<void> {
  const { directory, warn } = options;
  await ensureConsumer(options);
  const id = (parseApiKey(text) as { id: string }).id;
  const key = await ensureKey({ id, hash: hashApiKey(text) }, options);
  if (key.disabled) warn(`the first key ${id} is disabled and stays so`);
  if (key.expires !== null && key.expires <= Date.now()) warn(`the first key ${id} has ended`);
  const consumer = await directory.get(key.consumer);
  if (consumer.disabled) warn(`consumer ${consumer.id} of the first key is disabled`);
  if (!consumer.roles.includes('admin'))
    warn(`consumer ${consumer.id} of the first key does not have the role admin`);
}

async function ensureConsumer({ directory, consumers, audit }: FirstKeyOptions): Promise<void> {
  if ((await directory.find(adminConsumer)) !== null) return;
  const consumer = {
    id: adminConsumer,
    description: 'Whoever holds the first key of this gateway',
    roles: ['admin'],
    scopes: [],
    limits: [],
    quotas: [],
    disabled: false,
  };
  const facts = { target: `consumer/${adminConsumer}`, before: null, after: consumer, requestId: '' };
  await unlessThere(
    audit.change({ who: itself, action: 'consumer.create', ...facts }, async () => ({
      revision: await consumers.write(consumer, null),
    })),
  );
}

async function ensureKey(
  { id, hash }: { id: string; hash: string },
  { keys, audit }: FirstKeyOptions,
): Promise<StoredKey> {
  const key: StoredKey = {
    id,
    consumer: adminConsumer,
    hash,
    name: 'first key',
    created: Date.now(),
    expires: null,
    disabled: false,
  };
  let present = await keys.get(id);
  if (present === null) {
    const facts = { target: `key/${id}`, before: null, after: key, requestId: '' };
    await unlessThere(
      audit.change({ who: itself, action: 'key.create', ...facts }, async () => ({
        revision: await keys.create(key),
      })),
    );
    present = await keys.get(id);
  }
  if (present !== null && present.key.hash !== hash)
    throw new Error(`there is another key with the id ${id} of the first key: make a new first key`);
  return present?.key ?? key;
}

/** Another replica may make the same at the same time: then it is there. */
async function unlessThere(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    const there =
      isWrongRevision(error) || (error instanceof SluiceError && error.code === 'precondition_failed');
    if (!there) throw error;
  }
}
