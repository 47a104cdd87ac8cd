const firstMs = 250;
const longestMs = 10_000;

/** When to try again: soon at first, then less and less often, and never in step with other clients. */
export class Reconnection {
  #connect;
  #failures = 0;
  /** What the gateway asked for before it closed. @type {number | null} */
  #expectedMs = null;
  /** @type {ReturnType<typeof setTimeout> | null} */
  #timer = null;
  #at = 0;

  constructor(/** @type {() => void} */ connect) {
    this.#connect = connect;
  }

  get waitMs() {
    return this.#timer === null ? 0 : Math.max(0, this.#at - performance.now());
  }

  expect(/** @type {number} */ milliseconds) {
    this.#expectedMs = milliseconds;
  }

  succeeded() {
    this.#failures = 0;
  }

  later() {
    const usual = Math.min(longestMs, firstMs * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    const delay = this.#expectedMs ?? usual;
    this.#expectedMs = null;
    this.#failures += 1;
    this.#at = performance.now() + delay;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now(), delay);
  }

  /** Does not wait any longer, where it waits. */
  now() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#connect();
  }
}
