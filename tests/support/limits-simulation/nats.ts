import { BusError, type Count, type Counters } from '@sluice/nats';
import type { VirtualTime } from '../virtual-time.ts';
import type { Weather } from './weather.ts';

export interface SimNatsOptions {
  readonly time: VirtualTime;
  readonly weather: Weather;
  /** Time of the server at the start, milliseconds since the epoch. */
  readonly epoch: number;
}

/** Time that a question to a counter waits for its answer. */
const counterWaitMs = 400;
/** How far behind an outdated replica is at most, in additions. */
const mostBehind = 20;

/** NATS of the test's own: messages that take their time and get lost, counters with replicas that are behind. */
export class SimNats {
  /** Lease requests and returns that reached a worker, counter additions, reads. */
  messages = 0;
  readonly #time: VirtualTime;
  readonly #weather: Weather;
  readonly #counts = new Map<string, Map<string, Count>>();
  /** Every addition in its order, so that a replica can answer with what was true some of them ago. */
  readonly #log: { bucket: string; key: string; count: Count }[] = [];
  #seq = 0;
  #epoch: number;
  #up = true;
  /** Restarts so far: what was under way when NATS went is lost. */
  #life = 0;

  constructor({ time, weather, epoch }: SimNatsOptions) {
    this.#time = time;
    this.#weather = weather;
    this.#epoch = epoch;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Goes away now, and comes back after up to `mostMs`. What it has counted stays. */
  restart(mostMs: number): void {
    this.#up = false;
    this.#life++;
    this.#time.after(this.#time.random() * mostMs, () => (this.#up = true));
  }

  /** Somebody sets the clock of the server that leads. */
  setClock(byMs: number): void {
    this.#epoch += byMs;
  }

  /** A message to somebody else: after a while, or never. */
  send(deliver: () => void): void {
    const life = this.#life;
    if (!this.#up || this.#time.chance(this.#weather.loss)) return;
    const delay =
      this.#time.random() * this.#weather.delayMs * (this.#time.chance(this.#weather.slow) ? 60 : 1);
    this.#time.after(delay, () => {
      if (this.#up && life === this.#life) deliver();
    });
  }

  /**
   * A question with its answer on the way back. Rejects with BusError: `disconnected` at once, `timeout` after `waitMs`
   * without an answer.
   */
  ask<T>(handle: (answer: (value: T) => void) => void, waitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#up) return reject(new BusError('disconnected', 'not connected'));
      this.#time.after(waitMs, () => reject(new BusError('timeout', 'no answer')));
      return this.send(() => handle((value) => this.send(() => resolve(value))));
    });
  }

  /**
   * The server's side of {@link Counters}, asked by a process with the monotonic clock `now`. A process that is no longer
   * `alive` when its answer arrives hears nothing of it.
   */
  counters(bucket: string, alive: () => boolean, now: () => number): Counters {
    const keys = this.#counts.get(bucket) ?? new Map<string, Count>();
    this.#counts.set(bucket, keys);
    const asked = <T>(handle: (answer: (value: T) => void) => void): Promise<T> =>
      this.ask(handle, counterWaitMs).then((value) => (alive() ? value : new Promise<T>(() => {})));
    return {
      increment: (key, delta) =>
        asked<Count>((answer) => {
          this.messages++;
          const count = { total: (keys.get(key)?.total ?? 0) + delta, seq: ++this.#seq };
          keys.set(key, count);
          this.#log.push({ bucket, key, count });
          answer(count);
        }),
      read: (wanted) =>
        asked<Map<string, Count>>((answer) => {
          this.messages++;
          const seen = this.#time.chance(this.#weather.stale)
            ? this.#stateBefore(bucket, Math.floor(this.#time.random() * mostBehind))
            : keys;
          answer(new Map(wanted.flatMap((key) => (seen.has(key) ? [[key, seen.get(key) as Count]] : []))));
        }),
      serverTime: async () => {
        const sentAt = now();
        const timeMs = await asked<number>((answer) => answer(this.#epoch + this.#time.now));
        return { timeMs, sentAt, receivedAt: now() };
      },
    };
  }

  #stateBefore(bucket: string, additions: number): Map<string, Count> {
    const state = new Map<string, Count>();
    for (const entry of this.#log.slice(0, this.#log.length - additions))
      if (entry.bucket === bucket) state.set(entry.key, entry.count);
    return state;
  }
}
