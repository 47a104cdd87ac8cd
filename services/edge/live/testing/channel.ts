import { publishStored, type Bus } from '@sluice/nats';
import { expect } from 'vitest';
import type { Update } from './client.ts';

/** Publishes events `{"n": 1}`, `{"n": 2}`, … to a channel, in order, as fast as the stream takes them. */
export class Pour {
  readonly channel: string;
  readonly #bus: Bus;
  readonly #padding: string;
  /** Number of the newest event that is stored. */
  n = 0;
  seq = 0;

  constructor(bus: Bus, channel: string, padding = '') {
    this.#bus = bus;
    this.channel = channel;
    this.#padding = padding;
  }

  async more(count: number): Promise<void> {
    const window = 100;
    for (const end = this.n + count; this.n < end; ) {
      const size = Math.min(window, end - this.n);
      const acks = await Promise.all(
        Array.from({ length: size }, (_, i) =>
          publishStored(
            this.#bus,
            `live.in.${this.channel}`,
            JSON.stringify({
              n: this.n + i + 1,
              ...(this.#padding === '' ? {} : { padding: this.#padding }),
            }),
            { deadline: Date.now() + 20_000 },
          ),
        ),
      );
      this.n += size;
      this.seq = acks.at(-1)?.seq ?? 0;
    }
  }
}

/** The numbers of a run of updates, after checking that each names the one before it. */
export function numbers(updates: readonly Update[], after?: number): number[] {
  updates.forEach((update, i) => {
    const before = i === 0 ? after : updates[i - 1]?.seq;
    if (before !== undefined) expect(update.prev).toBe(before);
  });
  return updates.map(({ data }) => (data as { n: number }).n);
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}
