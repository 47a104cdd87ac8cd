import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls';

export interface CertificatePaths {
  /** PEM: the certificate first, then those between it and the root. */
  readonly cert: string;
  /** PEM, without a passphrase. */
  readonly key: string;
}

/** A certificate and its key that belong together. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** The names it is for, as it has them. */
  readonly names: string;
}

/**
 * Reads both files and checks them: PEM, one key, no passphrase, the certificate's own key, not over. Throws with a message
 * that says which file and what is wrong with it, and nothing of what it holds.
 */
export async function readCertificate(paths: CertificatePaths, now = Date.now()): Promise<Certificate> {
  const [cert, key] = await Promise.all([readPem(paths.cert), readPem(paths.key)]);
  const x509 = attempt(paths.cert, 'is no certificate in PEM', () => new X509Certificate(cert));
  const secret = attempt(paths.key, 'is no private key in PEM without a passphrase', () =>
    createPrivateKey(key),
  );
  if (!x509.checkPrivateKey(secret))
    throw new Error(`${paths.key} is not the key of the certificate in ${paths.cert}`);
  const notAfter = x509.validToDate.getTime();
  if (notAfter <= now)
    throw new Error(`the certificate in ${paths.cert} ended ${x509.validToDate.toISOString()}`);
  // What OpenSSL has against the chain, it says here and not in the first handshake.
  attempt(paths.cert, 'cannot be used', () => createSecureContext({ cert, key }));
  return { cert, key, notAfter, names: x509.subjectAltName ?? x509.subject };
}

/** What connections are made with. `setSecureContext` forgets what it is not told again, so this is everything. */
export function secureContextOf(
  { cert, key }: Pick<Certificate, 'cert' | 'key'>,
  minVersion: SecureVersion,
): SecureContextOptions {
  return {
    cert,
    key,
    minVersion,
    // A client could make the server do the dear part of a handshake over and over on one connection (TLS 1.2).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`, {
      cause: error,
    });
  }
}

function attempt<T>(file: string, fault: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${file} ${fault}${code ? ` (${code})` : ''}`, { cause: error });
  }
}
