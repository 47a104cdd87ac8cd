import { readSecret, type SecretReference } from '@sluice/policy';

/** How long what was read is used: a changed file counts after this time, without a restart. */
const freshMs = 30_000;

/** A secret of the document. It is read when it is needed, and again from time to time, because secrets are rotated. */
export class Secret {
  readonly #reference: SecretReference;
  #value: Promise<string> | null = null;
  #readAt = 0;

  constructor(reference: SecretReference) {
    this.#reference = reference;
  }

  /** Rejects with an Error that names the variable or the file, never what is in it. */
  read(): Promise<string> {
    const now = performance.now();
    if (this.#value !== null && now - this.#readAt < freshMs) return this.#value;
    this.#readAt = now;
    const value = readSecret(this.#reference);
    this.#value = value;
    value.catch(() => {
      // The next one who asks tries again.
      if (this.#value === value) this.#value = null;
    });
    return value;
  }
}
