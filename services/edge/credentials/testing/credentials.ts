import { crc32 } from 'node:zlib';
import { makeApiKey } from '@sluice/policy';
import type { Credentials } from '../authenticator.ts';

/** What a client sends that sends nothing but this. */
export function sent(some: Partial<Credentials> = {}): Credentials {
  return {
    authorization: null,
    apiKey: null,
    cookie: null,
    queryToken: null,
    method: 'GET',
    origin: null,
    secFetchSite: null,
    ...some,
  };
}

export function bearer(token: string): Credentials {
  return sent({ authorization: `Bearer ${token}` });
}

/** How a promise or a call ended: what it gave, or `code` and `www-authenticate` of its refusal. */
export async function outcome<T>(
  call: () => T | Promise<T>,
): Promise<T | { code: string; asks: string | undefined }> {
  try {
    return await call();
  } catch (error) {
    const { code, headers } = error as { code: string; headers?: Record<string, string> };
    return { code, asks: headers?.['www-authenticate'] };
  }
}

export const invalidToken = { code: 'unauthorized', asks: 'Bearer realm="sluice", error="invalid_token"' };

/** A key of this id with another secret, as somebody would make it who knows the form: CRC-32 in base 62. */
export function guessKey(id: string): string {
  const start = `slk_${id}_${makeApiKey().text.slice(17, 60)}`;
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let rest = crc32(start);
  let checksum = '';
  for (let n = 0; n < 6; n++) {
    checksum = `${digits[rest % 62]}${checksum}`;
    rest = Math.floor(rest / 62);
  }
  return `${start}_${checksum}`;
}
