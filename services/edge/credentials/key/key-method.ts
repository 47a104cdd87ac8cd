import { hash, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { SluiceError } from '@sluice/errors';
import {
  apiKeyId,
  apiKeyLength,
  consumerEntryKey,
  grants,
  parseApiKey,
  type Consumer,
  type Grants,
} from '@sluice/policy';
import type { Caller } from '../../caller.ts';
import type { CredentialMethod, Credentials } from '../authenticator.ts';
import { badToken, bearerToken } from '../bearer.ts';
import type { ConsumerStore, KeyEntry } from '../consumer-store.ts';
import { apiKeyIn, isApiKey } from '../fields.ts';
import type { DocumentSource } from '../method-context.ts';
import type { KeyUsage } from './key-usage.ts';

export interface KeyMethodOptions {
  readonly store: ConsumerStore;
  readonly usage: KeyUsage;
  readonly document: DocumentSource;
}

/** What a key gave the last time, and what that depended on. */
interface Memo {
  readonly caller: Caller;
  readonly consumer: Consumer;
  readonly granted: Grants;
  /** The store's when the consumer was last looked up. */
  version: number;
  noteAt: number;
}

type KeyTimes = Pick<KeyEntry, 'id' | 'created' | 'expires'>;

/** Compared with where there is no key: an unknown id takes as long as a wrong secret. No text has this hash. */
const nobody = Buffer.alloc(32);
/** Where the hash of a sent key is compared: a buffer made for every call costs more than the hash itself (measured). */
const compared = Buffer.alloc(32);
/** As many as ids that do not exist are remembered. */
const mostGuessed = 4_096;
const noClaims = Object.freeze({});
const challenge = 'ApiKey realm="sluice", header="X-API-Key"';

/**
 * API keys, in `X-API-Key` or as a bearer token. A key that is at hand costs a hash and two look-ups; another one a
 * question to the bucket. Exits: 400 for two different keys, 401, 503 while an unknown key cannot be looked up.
 */
export function keyMethod({ store, usage, document }: KeyMethodOptions): CredentialMethod {
  let granted = grants(document.current);
  const stopFollowing = document.onChange((changed) => {
    granted = grants(changed);
  });

  /** What callers were made of, for those that are in use longer than their key is at hand. */
  const origins = new WeakMap<Caller, { readonly consumer: Consumer; readonly granted: Grants }>();
  /** Ids at hand that somebody has sent a wrong secret for. */
  const guessed = new LRUCache<string, true>({ max: mostGuessed });

  function judge(entry: KeyEntry | null, same: boolean, viaField: boolean): Caller | Promise<Caller> {
    if (!same || entry === null || !isGood(entry)) throw refused(viaField);
    // As long as nothing changes anywhere, the consumer is what it was: very many of them are not all near at hand.
    const last = entry.memo as Memo | null;
    const { version } = store;
    if (last !== null && last.version === version && last.granted === granted) return noted(entry, last);
    const found = (consumer: Consumer | null): Caller => callerOf(entry, consumer, version, viaField);
    const consumer = store.find(entry.consumer);
    return consumer instanceof Promise ? consumer.then(found) : found(consumer);
  }

  /** `version` is from before the consumer was asked for. */
  function callerOf(entry: KeyEntry, consumer: Consumer | null, version: number, viaField: boolean): Caller {
    if (consumer === null || consumer.disabled) throw refused(viaField);
    const memo = memoOf(entry, consumer);
    memo.version = version;
    return noted(entry, memo);
  }

  function noted(entry: KeyEntry, memo: Memo): Caller {
    const now = Date.now();
    if (now >= memo.noteAt) memo.noteAt = usage.note(entry.id, now);
    return memo.caller;
  }

  /** Made anew where the consumer or the roles of the document are others than they were. */
  function memoOf(entry: KeyEntry, consumer: Consumer): Memo {
    const last = entry.memo as Memo | null;
    if (last !== null && last.consumer === consumer && last.granted === granted) return last;
    const memo: Memo = {
      caller: madeOf(entry, consumer),
      consumer,
      granted,
      // Not known to be good: who asks has to find out.
      version: -1,
      noteAt: last?.noteAt ?? 0,
    };
    entry.memo = memo;
    return memo;
  }

  function madeOf({ id, created, expires }: KeyTimes, consumer: Consumer): Caller {
    const caller: Caller = {
      identity: {
        subject: consumer.id,
        kind: 'key',
        roles: granted.rolesOf(consumer.roles),
        scopes: granted.scopesOf(consumer.roles, consumer.scopes),
        tenant: consumer.tenant ?? null,
      },
      method: 'key',
      consumer: consumer.id,
      key: id,
      source: null,
      tokenId: null,
      issuedAt: created,
      expiresAt: expires,
      claims: noClaims,
    };
    origins.set(caller, { consumer, granted });
    return caller;
  }

  return {
    name: 'key',
    challenge,
    present: (credentials) => credentials.apiKey !== null || isApiKey(bearerToken(credentials)),

    verify(credentials) {
      const text = keyText(credentials);
      const viaField = credentials.apiKey !== null;
      // Nothing of this length and beginning: no need to look anywhere, and nothing is learnt from that.
      if (text.length !== apiKeyLength || !isApiKey(text)) throw refused(viaField);
      const digest = hash('sha256', text, 'latin1');
      const id = apiKeyId(text);
      const known = store.keys.peek(id);
      if (known !== undefined) {
        const same = isSame(known, digest);
        if (same || known === null || guessed.has(id)) return judge(known, same, viaField);
      }
      // A typing error costs no message, and neither do keys that somebody makes up carelessly.
      if (parseApiKey(text) === null) throw refused(viaField);
      // An unknown id is looked up when it is sent first, so one that is known by chance is too, for a wrong secret.
      if (known !== undefined) guessed.set(id, true);
      return store.keys.find(id).then((entry) => judge(entry, isSame(entry, digest), viaField));
    },

    current(caller) {
      const entry = store.keys.peek(caller.key ?? '');
      // Its time is for whoever asked: a key that has expired was not revoked.
      if (entry === null || entry?.disabled === true) return null;
      const id = entry?.consumer ?? caller.consumer ?? '';
      const consumer = store.find(id);
      if (consumer instanceof Promise) {
        // As it was, until more is known.
        consumer.catch(() => {});
        store.fetch([consumerEntryKey(id)]);
        return caller;
      }
      if (consumer === null || consumer.disabled) return null;
      if (entry !== undefined) return memoOf(entry, consumer).caller;
      // The key is not at hand any more: it is what it was, or the listener would have been told.
      const last = origins.get(caller);
      if (last?.consumer === consumer && last.granted === granted) return caller;
      return madeOf(
        { id: caller.key ?? '', created: caller.issuedAt ?? 0, expires: caller.expiresAt },
        consumer,
      );
    },

    async stop() {
      stopFollowing();
      await usage.stop();
    },
  };
}

/** `digest` is the hash of what was sent, a character for each byte. */
function isSame(entry: KeyEntry | null, digest: string): boolean {
  compared.write(digest, 'latin1');
  return timingSafeEqual(compared, entry === null ? nobody : entry.digest);
}

function isGood(entry: KeyEntry): boolean {
  return !entry.disabled && (entry.expires === null || entry.expires > Date.now());
}

/** RFC 6750 section 2: a client sends one token, in one way. */
function keyText(credentials: Credentials): string {
  const token = bearerToken(credentials);
  if (credentials.apiKey === null) return token ?? '';
  const text = apiKeyIn(credentials.apiKey);
  if (isApiKey(token) && token !== text)
    throw new SluiceError('bad_request', 'Two different API keys were sent.');
  return text;
}

function refused(viaField: boolean): SluiceError {
  return viaField ? badToken(undefined, challenge) : badToken();
}
