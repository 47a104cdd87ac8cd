export {
  apiKeyId,
  apiKeyLength,
  apiKeyPrefix,
  hashApiKey,
  makeApiKey,
  parseApiKey,
  type ApiKey,
} from './api-key.ts';
export {
  consumerEntryKey,
  consumersBucket,
  decodeConsumer,
  decodeKey,
  encodeConsumer,
  encodeKey,
  entryOf,
  keyEntryKey,
  keyUsageBucket,
  type StoredKey,
} from './entries.ts';
export {
  decodeRevocation,
  parseRevocationKey,
  revocationKey,
  revocationsBucket,
  type Revocation,
  longestRevocationKey,
  type RevokedThing,
} from './revocation.ts';
