import { watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import { readCertificate, type Certificate, type CertificatePaths } from './certificate.ts';

export interface CertificateFilesOptions extends CertificatePaths {
  /** New files cannot be used, and why; the old ones stay. */
  readonly onRefused: (error: unknown) => void;
  /** Milliseconds between looks that nothing has asked for: some file systems do not tell. Default one minute. */
  readonly pollMs?: number;
}

/** Whoever renews a certificate writes two files; this much quiet means that both are there. */
const settleMs = 200;

/**
 * The certificate and key that the edge serves with, followed as files. They are looked at when their folders change, once a
 * minute, and on {@link reload} (SIGHUP). What cannot be used changes nothing and is reported, once per state of the files.
 */
export class CertificateFiles {
  readonly #options: CertificateFilesOptions;
  readonly #watchers: FSWatcher[] = [];
  readonly #listeners = new Set<(certificate: Certificate) => void>();
  readonly #poll: NodeJS.Timeout;
  #current: Certificate;
  #settle: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #reported: string | null = null;
  #stopped = false;

  /** Rejects when the files cannot be used as they are. */
  static async open(options: CertificateFilesOptions): Promise<CertificateFiles> {
    return new CertificateFiles(options, await readCertificate(options));
  }

  private constructor(options: CertificateFilesOptions, current: Certificate) {
    this.#options = options;
    this.#current = current;
    // Folders, not files: both editors and Kubernetes replace files by renaming, which ends a watch on the file itself.
    for (const folder of new Set([path.dirname(options.cert), path.dirname(options.key)]))
      this.#watch(folder);
    this.#poll = setInterval(() => void this.reload(), options.pollMs ?? 60_000).unref();
  }

  get current(): Certificate {
    return this.#current;
  }

  onChange(listener: (certificate: Certificate) => void): void {
    this.#listeners.add(listener);
  }

  /** Looks at the files now. Never rejects. */
  reload(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    for (const watcher of this.#watchers) watcher.close();
    await this.#looking;
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, () => {
        clearTimeout(this.#settle);
        this.#settle = setTimeout(() => void this.reload(), settleMs).unref();
      });
      watcher.on('error', () => watcher.close());
      this.#watchers.push(watcher);
    } catch {
      // Without a watch the looks once a minute are left.
    }
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    try {
      const found = await readCertificate(this.#options);
      this.#reported = null;
      if (found.cert.equals(this.#current.cert) && found.key.equals(this.#current.key)) return;
      this.#current = found;
      for (const listener of this.#listeners) listener(found);
    } catch (error) {
      const text = String(error);
      if (text !== this.#reported) this.#options.onRefused(error);
      this.#reported = text;
    }
  }
}
