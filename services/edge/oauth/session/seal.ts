import { hash } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, errors } from 'jose';

/** A key of AES-256-GCM, and the name that sealed texts carry to say which key opens them. */
export interface SealKey {
  readonly id: string;
  readonly bytes: Uint8Array;
}

const keyBytes = 32;

export function sealKey(bytes: Uint8Array): SealKey {
  return { id: hash('sha256', bytes, 'base64url').slice(0, 8), bytes };
}

/**
 * Keys as the document's `cookie_key` has them: 32 bytes in hex or base64, one or two of them separated by a comma. The
 * first one seals, each of them opens. Throws an Error that holds nothing of what it read.
 */
export function parseSealKeys(text: string): readonly SealKey[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > 2) throw new Error('cookie_key holds more than two keys');
  return parts.map((part) => {
    const bytes = /^[0-9a-fA-F]{64}$/.test(part)
      ? Buffer.from(part, 'hex')
      : /^[A-Za-z0-9+/_-]{43}=?$/.test(part)
        ? Buffer.from(part, 'base64')
        : new Uint8Array(0);
    if (bytes.length !== keyBytes) throw new Error('cookie_key is not 32 bytes in hex or base64');
    return sealKey(new Uint8Array(bytes));
  });
}

/** Encrypts and signs a JSON value: a compact JWE (RFC 7516), `dir` with A256GCM. */
export function seal(value: object, key: SealKey): Promise<string> {
  return new CompactEncrypt(Buffer.from(JSON.stringify(value)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: key.id })
    .encrypt(key.bytes);
}

/** The value again; null for a text that was changed, is sealed with another key, or was never sealed. */
export async function unseal(text: string, keys: readonly SealKey[]): Promise<unknown> {
  try {
    const { plaintext } = await compactDecrypt(
      text,
      ({ kid }) => {
        const key = keys.find(({ id }) => id === kid);
        if (!key) throw new errors.JWEDecryptionFailed();
        return key.bytes;
      },
      { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
    );
    return JSON.parse(Buffer.from(plaintext).toString()) as unknown;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof SyntaxError) return null;
    throw error;
  }
}
