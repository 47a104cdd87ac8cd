import { createHash, randomBytes, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The text of an API key: `slk_<id>_<secret>_<checksum>`. The prefix is what scanners of leaked secrets look for, the id
 * finds the stored hash, and the checksum tells a typing error from a wrong key without a look-up. It protects nothing:
 * anybody can compute it.
 */
export interface ApiKey {
  readonly id: string;
  /** Shown once, to whoever asked for the key; only its hash is kept. */
  readonly text: string;
  /** See {@link hashApiKey}. */
  readonly hash: string;
}

export const apiKeyPrefix = 'slk_';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const idLength = 12;
const secretBytes = 32;
/** 62^43 is the first power above 2^256, 62^6 the first above 2^32. */
const secretLength = 43;
const checksumLength = 6;
const checksumAt = apiKeyPrefix.length + idLength + 1 + secretLength;

/** Characters of a whole key. */
export const apiKeyLength = checksumAt + 1 + checksumLength;

const shape = new RegExp(
  `^${apiKeyPrefix}[0-9A-Za-z]{${idLength}}_[0-9A-Za-z]{${secretLength}}_[0-9A-Za-z]{${checksumLength}}$`,
);

/** A new key: 256 random bits, and an id of 71. */
export function makeApiKey(): ApiKey {
  const id = Array.from({ length: idLength }, () => alphabet[randomInt(alphabet.length)]).join('');
  const secret = base62(BigInt(`0x${randomBytes(secretBytes).toString('hex')}`), secretLength);
  const start = `${apiKeyPrefix}${id}_${secret}`;
  const text = `${start}_${checksum(start)}`;
  return { id, text, hash: hashApiKey(text) };
}

/** The id in the text of a key; null when the text is none, or was mistyped. */
export function parseApiKey(text: string): { readonly id: string } | null {
  if (text.length !== apiKeyLength || !shape.test(text)) return null;
  if (checksum(text.slice(0, checksumAt)) !== text.slice(checksumAt + 1)) return null;
  return { id: apiKeyId(text) };
}

/** Where the id stands, unchecked: for looking up a key whose hash is compared anyway. */
export function apiKeyId(text: string): string {
  return text.slice(apiKeyPrefix.length, apiKeyPrefix.length + idLength);
}

/** SHA-256 of the whole text, base64url: what is stored. A slow hash would add nothing to 256 random bits. */
export function hashApiKey(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** CRC-32 of everything before it. */
function checksum(start: string): string {
  return base62(BigInt(crc32(start)), checksumLength);
}

function base62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest /= 62n) text = alphabet[Number(rest % 62n)] + text;
  return text;
}
