import type { Writable } from 'node:stream';
import type { Batch } from './batch.ts';
import type { LiveEvent } from './live-event.ts';
import type { LiveMetrics } from './metrics.ts';
import type { Pulse } from './pulse.ts';
import type { Subscription } from './subscription.ts';

export interface OutletOptions {
  readonly pulse: Pulse;
  readonly metrics: LiveMetrics;
  /** Bytes that may wait for one client. */
  readonly budget: number;
}

/** How the events of this client are written. */
export interface Encoder {
  batch(batch: Batch, subscription: Subscription): Buffer;
  event(event: LiveEvent, subscription?: Subscription): Buffer;
}

/** An event that waits for a slow client. */
interface Held {
  readonly event: LiveEvent;
  readonly subscription: Subscription;
}

/**
 * The outgoing side of one client. Bytes of a turn leave in one write. A client that reads too slowly is noticed by what
 * waits in the process for it (never by what the kernel has taken): conflatable events then wait as the newest of their
 * channel, all others wait in order, and whoever exceeds the byte budget is cut off. Nobody else is touched by it.
 */
export class Outlet {
  readonly #encoder: Encoder;
  readonly #sink: Writable;
  readonly #options: OutletOptions;
  readonly #onExceeded: () => void;
  #out: Buffer[] = [];
  #outBytes = 0;
  /** The newest event of each conflatable channel, while the client is slow. */
  #held: Map<string, Held> | undefined;
  #heldBytes = 0;
  #closed = false;

  constructor(encoder: Encoder, sink: Writable, options: OutletOptions, onExceeded: () => void) {
    this.#encoder = encoder;
    this.#sink = sink;
    this.#options = options;
    this.#onExceeded = onExceeded;
  }

  /**
   * Queues bytes whole frames long; they leave at the end of the turn. What counts against the budget is what earlier
   * turns have left behind: a burst that comes in one turn says nothing about the client.
   */
  send(bytes: Buffer): void {
    if (this.#closed) return;
    if (this.#sink.writableLength > this.#options.budget) return this.#exceed();
    if (this.#out.length === 0) this.#options.pulse.outlet(this);
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
  }

  /** Queues the events of a turn, or keeps the newest of each channel where the policy allows it and the client is slow. */
  deliver(batch: Batch, subscription: Subscription): void {
    if (this.#closed) return;
    const slow = this.#held !== undefined || this.#sink.writableNeedDrain;
    if (slow && subscription.policy.overflow === 'conflate') return this.#hold(batch.events, subscription);
    this.#options.metrics.tally.frames += batch.events.length;
    this.send(this.#encoder.batch(batch, subscription));
  }

  /** Forgets what is held for channels that are no longer wanted. */
  keep(wanted: (channel: string) => boolean): void {
    for (const [channel, { event }] of this.#held ?? [])
      if (!wanted(channel)) {
        this.#held?.delete(channel);
        this.#heldBytes -= event.size;
      }
  }

  /** Writes what is queued. */
  beat(): void {
    const out = this.#out;
    if (out.length === 0) return;
    const sink = this.#sink;
    this.#out = [];
    this.#options.metrics.tally.bytes += this.#outBytes;
    this.#outBytes = 0;
    if (sink.destroyed || sink.writableEnded) return;
    if (out.length === 1) {
      sink.write(out[0]);
      return;
    }
    sink.cork();
    for (const bytes of out) sink.write(bytes);
    sink.uncork();
  }

  /** Takes nothing more. What is queued is still written by `beat`. */
  close(): void {
    this.#closed = true;
    this.#held = undefined;
    this.#heldBytes = 0;
  }

  #hold(events: readonly LiveEvent[], subscription: Subscription): void {
    if (!this.#held) {
      this.#held = new Map();
      this.#sink.once('drain', () => this.#release());
    }
    for (const event of events) {
      const older = this.#held.get(event.channel);
      if (older) this.#options.metrics.tally.conflated += 1;
      this.#heldBytes += event.size - (older?.event.size ?? 0);
      this.#held.set(event.channel, { event, subscription });
    }
    // What is held adds nothing to what the socket has; only too many channels can make it too much.
    if (this.#heldBytes > this.#options.budget) this.#exceed();
  }

  /** The client has read everything: it gets the present state of what it missed. */
  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#heldBytes = 0;
    if (this.#closed || !held || held.size === 0) return;
    this.#options.metrics.tally.frames += held.size;
    const newest = [...held.values()].sort((a, b) => a.event.seq - b.event.seq);
    for (const { event, subscription } of newest)
      this.#options.pulse.guard(() => this.send(this.#encoder.event(event, subscription)));
  }

  #exceed(): void {
    this.#out = [];
    this.#outBytes = 0;
    this.close();
    this.#onExceeded();
  }
}
