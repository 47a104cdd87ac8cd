import { until } from '@sluice/testing';

/** How one phase looked to clients. */
export interface Experience {
  /** Calls that were answered 200 in the end. */
  readonly answered: number;
  /** What single tries met before: a status, or `broken` for a connection that ended without an answer. */
  readonly met: ReadonlyMap<string, number>;
  /** The longest a call took from the first try to its 200, milliseconds. */
  readonly longestMs: number;
}

/**
 * Clients that ask for the same thing over and over, as careful clients do: an idempotent request whose connection broke,
 * or that met 502, 503 or 504, is tried again at the next edge. Any other answer is a fault.
 */
export class Callers {
  readonly #gateways: readonly string[];
  readonly #path: string;
  readonly #running: Promise<unknown>;
  readonly #calls: number[];
  readonly #stopping = new AbortController();
  #experience = { answered: 0, met: new Map<string, number>(), longestMs: 0 };
  readonly faults: string[] = [];

  constructor(gateways: readonly string[], path: string, clients = 4) {
    this.#gateways = gateways;
    this.#path = path;
    this.#calls = Array.from({ length: clients }, () => 0);
    this.#running = Promise.all(this.#calls.map((_, client) => this.#call(client)));
  }

  /** What happened since the last time this was asked. */
  take(): Experience {
    const taken = this.#experience;
    this.#experience = { answered: 0, met: new Map(), longestMs: 0 };
    return taken;
  }

  /** Resolves when every client was answered twice more: what was under way before is over then. */
  async answeredAgain(): Promise<void> {
    const before = [...this.#calls];
    await until(() => this.#calls.every((calls, client) => calls >= before[client]! + 2), {
      timeoutMs: 60_000,
      message: 'every client is answered again',
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #call(client: number): Promise<void> {
    const { signal } = this.#stopping;
    for (let turn = client; !signal.aborted; turn++) {
      const began = performance.now();
      for (let attempt = turn; !signal.aborted; attempt++) {
        const result = await this.#try(this.#gateways[attempt % this.#gateways.length] as string);
        if (result === '200') {
          this.#experience.answered += 1;
          this.#calls[client]! += 1;
          this.#experience.longestMs = Math.max(this.#experience.longestMs, performance.now() - began);
          break;
        }
        const { met } = this.#experience;
        met.set(result, (met.get(result) ?? 0) + 1);
        if (!['broken', '502', '503', '504'].includes(result)) this.faults.push(result);
        await pause(100);
      }
      await pause(20);
    }
  }

  async #try(gateway: string): Promise<string> {
    try {
      // Longer than the deadline of the route, after which the gateway answers 504.
      const response = await fetch(gateway + this.#path, { signal: AbortSignal.timeout(25_000) });
      await response.arrayBuffer();
      return String(response.status);
    } catch {
      return 'broken';
    }
  }
}

/** The pace of a client, not a wait for anything. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
