import { parseKeySet, type VerificationKey } from './jwks.ts';
import type { JwksSource } from './jwks-source.ts';

export interface KeySetOptions {
  readonly source: JwksSource;
  /** Keys of a set that was read from the same place before. */
  readonly known?: readonly VerificationKey[];
  /** Time between two looks, milliseconds; null: only when the source says so. */
  readonly refreshMs: number | null;
  /** Least time between two looks that unknown keys cause, milliseconds. */
  readonly cooldownMs: number;
  /** The keys are others than before. */
  readonly changed: () => void;
  readonly report: (detail: string, error?: unknown) => void;
  readonly observe?: (result: 'read' | 'failed') => void;
}

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/**
 * The public keys of an issuer, read in the background. Whatever happens to the source, the last good set stays: for as
 * long as this process lives, keys that were there are believed, and only a good set replaces them.
 */
export class KeySet {
  readonly #options: KeySetOptions;
  readonly #stopWatching: (() => void) | undefined;
  #keys: readonly VerificationKey[];
  #reading: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: KeySetOptions) {
    this.#options = options;
    this.#keys = options.known ?? [];
    this.#stopWatching = options.source.watch?.(() => void this.#read());
    void this.#read();
  }

  /** The last good set; empty until there has been one. Another array exactly when it is another set. */
  get keys(): readonly VerificationKey[] {
    return this.#keys;
  }

  /** Resolves when the first look is over, good or not. */
  async settled(): Promise<void> {
    await this.#reading;
  }

  /**
   * For a token whose key is not there: one look for everybody who asks, and none again before the cooldown is over.
   * Gives false, and at once, when there was none. Never rejects.
   */
  async lookAgain(): Promise<boolean> {
    if (this.#reading === null) {
      const now = performance.now();
      if (now - this.#askedAt < this.#options.cooldownMs) return false;
      this.#askedAt = now;
    }
    await this.#read();
    return true;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stopWatching?.();
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = null;
      this.#schedule();
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const { source, report, observe, changed } = this.#options;
    try {
      const keys = parseKeySet(await source.read(), this.#keys);
      if (this.#failures > 0) report('key set can be read again');
      this.#failures = 0;
      observe?.('read');
      if (this.#stopped || sameKeys(keys, this.#keys)) return;
      this.#keys = keys;
      changed();
    } catch (error) {
      // One line per outage: the tries that follow have the same cause.
      if (this.#failures++ === 0)
        report(`key set cannot be read, ${this.#keys.length} keys of the last good one stay`, error);
      observe?.('failed');
    }
  }

  /** Looks are spread a little, so that edges that started together do not ask together. */
  #schedule(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    const { refreshMs } = this.#options;
    const retry = Math.min(
      firstRetryMs * 2 ** (this.#failures - 1),
      longestRetryMs,
      refreshMs ?? longestRetryMs,
    );
    const ms = this.#failures > 0 ? retry : refreshMs;
    if (ms === null) return;
    this.#timer = setTimeout(() => void this.#read(), ms * (0.9 + Math.random() * 0.2)).unref();
  }
}

function sameKeys(a: readonly VerificationKey[], b: readonly VerificationKey[]): boolean {
  return a.length === b.length && a.every((key, at) => key === b[at]);
}
