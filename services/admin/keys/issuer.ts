import { SluiceError } from '@sluice/errors';
import { makeApiKey, type StoredKey } from '@sluice/policy';
import type { Actor } from '../access.ts';
import type { AuditLog } from '../audit/log.ts';
import { noConsumer, type ConsumerDirectory } from '../consumers/directory.ts';
import type { KeyRecord, KeyStore } from './store.ts';

/** Most keys of one consumer: each rotation adds one, and old ones have to go sometime. */
const mostKeys = 1_000;

export interface NewKey {
  readonly consumer: string;
  readonly name: string;
  /** Milliseconds; null: never. */
  readonly expires: number | null;
}

export interface IssuerOptions {
  readonly directory: ConsumerDirectory;
  readonly keys: KeyStore;
  readonly audit: AuditLog;
}

/** Makes and changes keys, with their audit entries. Throws SluiceError and BusError. */
export class KeyIssuer {
  readonly #options: IssuerOptions;

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  /** A new key; its text is in no other place afterwards. */
  async issue(wanted: NewKey, who: Actor, requestId: string): Promise<{ text: string; record: KeyRecord }> {
    const { directory, keys, audit } = this.#options;
    await directory.get(wanted.consumer);
    if ((await keys.count(wanted.consumer, mostKeys)) >= mostKeys)
      throw new SluiceError('conflict', `The consumer has ${mostKeys} keys: delete some of them first.`);
    const { id, text, hash } = makeApiKey();
    const key: StoredKey = { id, hash, created: Date.now(), disabled: false, ...wanted };
    const change = { who, action: 'key.create', target: `key/${id}`, before: null, after: key, requestId };
    const { revision } = await audit.change(change, () => this.#create(key));
    return { text, record: { key, revision, lastUsed: null } };
  }

  /** Changes members of a key whose present state is `present`. */
  async change(
    present: KeyRecord,
    members: { readonly [Name in 'name' | 'expires' | 'disabled']?: StoredKey[Name] | undefined },
    who: Actor,
    requestId: string,
  ): Promise<KeyRecord> {
    const { keys, audit } = this.#options;
    const given = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
    const key: StoredKey = { ...present.key, ...given };
    const { revision } = await audit.change(
      {
        who,
        action: actionOf(present.key, key),
        target: `key/${key.id}`,
        before: present.key,
        after: key,
        requestId,
      },
      async () => ({ revision: await keys.update(key, present.revision) }),
    );
    return { key, revision, lastUsed: present.lastUsed };
  }

  async remove(present: KeyRecord, who: Actor, requestId: string): Promise<void> {
    const { keys, audit } = this.#options;
    const target = `key/${present.key.id}`;
    await audit.change(
      { who, action: 'key.delete', target, before: present.key, after: null, requestId },
      async () => {
        await keys.remove(present.key, present.revision);
        return { revision: null };
      },
    );
  }

  /** The consumer may be deleted in this very moment: then its keys were looked for already, and this one has to go again. */
  async #create(key: StoredKey): Promise<{ revision: number }> {
    const { directory, keys } = this.#options;
    const revision = await keys.create(key);
    if ((await directory.find(key.consumer)) !== null) return { revision };
    await keys.remove(key);
    throw noConsumer(key.consumer);
  }
}

function actionOf(before: StoredKey, after: StoredKey): string {
  if (before.disabled === after.disabled) return 'key.update';
  return after.disabled ? 'key.disable' : 'key.enable';
}
