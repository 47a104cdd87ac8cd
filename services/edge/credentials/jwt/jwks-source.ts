import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** Where the text of a key set comes from. */
export interface JwksSource {
  /** Rejects with an Error that says why, for the log. */
  read(): Promise<string>;
  /** Tells when it is worth reading again before its time; gives what stops that. */
  watch?(changed: () => void): () => void;
}

const timeoutMs = 5_000;
const largestSet = 256 * 1024;
const mostRedirects = 3;
/** Polled: what mounts files (Kubernetes, NFS) swaps links, which other ways of watching miss. */
const pollMs = 500;

/** A set at an address: within five seconds and 256 KiB, and never from another origin than the document names. */
export function jwksAt(address: string, options: { timeoutMs?: number } = {}): JwksSource {
  return {
    read: async () => {
      const signal = AbortSignal.timeout(options.timeoutMs ?? timeoutMs);
      let url = new URL(address);
      for (let redirects = 0; redirects <= mostRedirects; redirects++) {
        const response = await fetch(url, {
          signal,
          redirect: 'manual',
          headers: { accept: 'application/jwk-set+json, application/json' },
        });
        if (response.status === 200) return boundedText(response);
        await response.body?.cancel();
        const location = response.headers.get('location');
        if (response.status < 300 || response.status > 399 || location === null)
          throw new Error(`the key server answered ${response.status}`);
        const next = new URL(location, url);
        // Whoever can make the server point elsewhere would choose our keys.
        if (next.origin !== url.origin) throw new Error(`the key server points to ${next.origin}`);
        url = next;
      }
      throw new Error(`the key server redirects more than ${mostRedirects} times`);
    },
  };
}

export function jwksIn(file: string): JwksSource {
  return {
    read: () => readFile(file, 'utf8'),
    watch(changed) {
      watchFile(file, { interval: pollMs, persistent: false }, changed);
      return () => unwatchFile(file, changed);
    },
  };
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    // Leaving the loop cancels the body.
    if (size > largestSet) throw new Error(`the key set is larger than ${largestSet} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
