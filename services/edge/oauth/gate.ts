/** Thrown by {@link Gate.pass} where too many are inside already, or where the other side is known to be away. */
export class GateClosed extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'GateClosed';
  }
}

/** So many failures in a row close the gate for a moment. */
const failuresToClose = 3;
const closedMs = 1_000;

/**
 * The way to a server that others run. At most `most` calls are under way: strangers can cause them, with invented tokens
 * or codes, and neither our memory nor that server is theirs to fill. After three failures in a row the gate stays closed
 * for a second, so that callers hear at once what they would hear after a timeout.
 */
export class Gate {
  readonly #most: number;
  #inside = 0;
  #failures = 0;
  /** Monotonic, milliseconds. */
  #closedUntil = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Runs the call. `failed` says which of its errors mean that the server is away. Rejects with {@link GateClosed}. */
  async pass<T>(call: () => Promise<T>, failed: (error: unknown) => boolean): Promise<T> {
    if (this.#inside >= this.#most) throw new GateClosed(`${this.#most} calls are under way already`);
    if (performance.now() < this.#closedUntil) throw new GateClosed('the server did not answer a moment ago');
    this.#inside++;
    try {
      const result = await call();
      this.#failures = 0;
      return result;
    } catch (error) {
      if (!failed(error)) this.#failures = 0;
      else if (++this.#failures >= failuresToClose) this.#closedUntil = performance.now() + closedMs;
      throw error;
    } finally {
      this.#inside--;
    }
  }
}
