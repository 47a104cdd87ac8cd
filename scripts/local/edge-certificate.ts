import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The files that `SLUICE_EDGE_TLS_CERT` and `SLUICE_EDGE_TLS_KEY` name, for the edge and for those that call it. Relative
 * paths count from where the user is; the services run elsewhere.
 */
export function edgeCertificate(env: NodeJS.ProcessEnv): {
  readonly env: Readonly<Record<string, string>>;
  /** Undefined where the edge speaks plain HTTP. */
  readonly file: string | undefined;
} {
  const absolute: Record<string, string> = {};
  for (const name of ['SLUICE_EDGE_TLS_CERT', 'SLUICE_EDGE_TLS_KEY'])
    if (env[name]) absolute[name] = path.resolve(env['INIT_CWD'] ?? '', env[name]);
  return { env: absolute, file: absolute['SLUICE_EDGE_TLS_CERT'] };
}

/**
 * The address of a gateway on this machine by a name that its certificate has, so that clients who check names get on:
 * certificates for trying things out are for `localhost` more often than for its number. Unchanged where it has neither,
 * and without TLS.
 */
export function certifiedAddress(gateway: string, file: string | undefined): string {
  const url = new URL(gateway);
  if (url.protocol !== 'https:' || file === undefined || !/^(127\.|\[::1\]$)/.test(url.hostname))
    return gateway;
  const certificate = new X509Certificate(readFileSync(file));
  const named = certificate.checkIP(url.hostname.replaceAll(/[[\]]/g, '')) === undefined;
  if (named && certificate.checkHost('localhost') !== undefined) url.hostname = 'localhost';
  return url.origin;
}
