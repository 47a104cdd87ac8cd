import { ConfigError } from '@sluice/config';
import type { Logger } from '@sluice/telemetry';
import type { HttpConfig } from '../config.ts';
import { CertificateFiles } from './certificate-files.ts';

/** The certificate that the settings name; null for plain HTTP. Throws ConfigError when it cannot be used. */
export async function openCertificate(
  config: Pick<HttpConfig, 'tlsCert' | 'tlsKey'>,
  logger: Pick<Logger, 'warn' | 'info'>,
): Promise<CertificateFiles | null> {
  const { tlsCert: cert, tlsKey: key } = config;
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined)
    throw new ConfigError('edge cannot start: SLUICE_EDGE_TLS_CERT and SLUICE_EDGE_TLS_KEY belong together');
  try {
    const files = await CertificateFiles.open({
      cert,
      key,
      onRefused: (error) =>
        logger.warn({ err: error }, 'the new certificate cannot be used; the old one stays'),
    });
    files.onChange(({ names, notAfter }) =>
      logger.info({ names, ends: new Date(notAfter).toISOString() }, 'certificate renewed'),
    );
    return files;
  } catch (error) {
    throw new ConfigError(`edge cannot start: ${error instanceof Error ? error.message : String(error)}`);
  }
}
