import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

/**
 * Trust in the server that shows the first certificate of a PEM file, whatever names and authority that one has, and in no
 * other server: what suits a gateway on this machine, whose certificate is at hand.
 */
export class PinnedCertificate {
  readonly #file: string;
  #pem: string;
  #options: ConnectionOptions;

  /** Throws an Error that names the file where it holds no certificate. */
  constructor(file: string) {
    this.#file = file;
    try {
      this.#pem = readFileSync(file, 'utf8');
      this.#options = trustOnly(this.#pem);
    } catch (error) {
      throw new Error(`the certificate ${file} cannot be used: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** For `node:tls` and `node:https`. Read anew each time: a gateway that gets another certificate goes on. */
  get options(): ConnectionOptions {
    try {
      const pem = readFileSync(this.#file, 'utf8');
      if (pem !== this.#pem) this.#options = trustOnly(pem);
      this.#pem = pem;
    } catch {
      // In the middle of a renewal: the gateway keeps the old one until the new one is whole, too.
    }
    return this.#options;
  }
}

function trustOnly(pem: string): ConnectionOptions {
  const { fingerprint256 } = new X509Certificate(pem);
  return {
    ca: pem,
    // Without it a certificate of a private authority is trusted only with that authority's own.
    allowPartialTrustChain: true,
    // The intermediate certificates of the file are trusted, too, and may have signed others.
    checkServerIdentity: (_name, shown) =>
      shown.fingerprint256 === fingerprint256
        ? undefined
        : new Error('the gateway shows another certificate than the one in the file'),
  };
}
