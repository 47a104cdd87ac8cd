/** Something a client has to move: a body it sends, an answer it takes, the rest of what it was told to stop sending. */
export interface Transfer {
  /** Monotonic, milliseconds. */
  startedAt: number;
  /** What has arrived so far of a body; the whole size of an answer. */
  bytes: number;
  /** Called once, when patience ends. */
  expire(): void;
}

export interface PatienceOptions {
  /** Milliseconds at any speed. */
  readonly graceMs: number;
  /** Bytes per second, on average since the start. */
  readonly leastRate: number;
  /** Milliseconds between looks; default 500. */
  readonly tickMs?: number;
}

/**
 * How long a client may take: a grace, and beyond it a second for every `leastRate` bytes. A slow but honest upload
 * goes on for minutes; a sender of one byte every ten seconds is gone after the grace. One coarse timer looks after
 * all of them (DESIGN.md, speed rule 7), and most transfers end before it ever sees them.
 */
export class Patience {
  readonly #graceMs: number;
  readonly #msPerByte: number;
  readonly #tickMs: number;
  readonly #transfers = new Set<Transfer>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PatienceOptions) {
    this.#graceMs = options.graceMs;
    this.#msPerByte = 1000 / options.leastRate;
    this.#tickMs = options.tickMs ?? 500;
  }

  get size(): number {
    return this.#transfers.size;
  }

  begin(transfer: Transfer): void {
    this.#transfers.add(transfer);
    this.#timer ??= setInterval(() => this.#look(), this.#tickMs).unref();
  }

  end(transfer: Transfer): void {
    this.#transfers.delete(transfer);
  }

  #look(): void {
    const now = performance.now();
    for (const transfer of this.#transfers) {
      if (now < transfer.startedAt + this.#graceMs + transfer.bytes * this.#msPerByte) continue;
      this.#transfers.delete(transfer);
      transfer.expire();
    }
    if (this.#transfers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
