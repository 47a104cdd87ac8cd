import { epochOf, liveStream, liveStreamName } from '@sluice/live';
import { ensureStream, isBusError, streamState, type Bus } from '@sluice/nats';
import type { Logger } from '@sluice/telemetry';
import { Feed, type FeedHost } from './feed.ts';
import type { LiveMetrics } from './metrics.ts';
import { Pulse } from './pulse.ts';

const checkMs = 5_000;
const tidyMs = 1_000;
const firstPauseMs = 100;
const longestPauseMs = 2_000;

export interface HubOptions {
  readonly bus: Bus;
  readonly logger: Logger;
  readonly metrics: LiveMetrics;
  readonly replicas: number;
  readonly history: number;
  readonly maxBytes: number;
  /** Told when live data is interrupted and when every feed has caught up again. */
  readonly onChange: (event: 'degraded' | 'restored') => void;
}

/** All feeds of this edge, and the one place that watches NATS and the stream's epoch for them. */
export class Hub implements FeedHost {
  readonly bus: Bus;
  readonly metrics: LiveMetrics;
  readonly history: number;
  readonly pulse = new Pulse();
  readonly #options: HubOptions;
  readonly #feeds = new Map<string, Feed>();
  readonly #timers: NodeJS.Timeout[];
  readonly #stopListening: () => void;
  #epoch = '';
  #up = false;
  /** Clients have been told that live data is interrupted. */
  #degraded = false;
  #suspicious = false;
  #run = 0;
  #closed = false;

  constructor(options: HubOptions) {
    this.bus = options.bus;
    this.metrics = options.metrics;
    this.history = options.history;
    this.#options = options;
    this.#stopListening = options.bus.onStatus((status) => {
      if (status === 'connected') void this.#recover();
      else this.#goDown();
    });
    this.#timers = [setInterval(() => void this.#check(), checkMs), setInterval(() => this.#tidy(), tidyMs)];
    for (const timer of this.#timers) timer.unref();
    if (options.bus.connected) void this.#recover();
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** True while NATS or the stream is away and was there before. */
  get degraded(): boolean {
    return this.#degraded;
  }

  /** The feed of a channel or pattern, held for the caller: let it go when joined or given up. */
  feed(name: string): Feed {
    let feed = this.#feeds.get(name);
    if (!feed) {
      feed = new Feed(this, name);
      this.#feeds.set(name, feed);
      this.metrics.feeds.set(this.#feeds.size);
      if (this.#up) feed.begin();
    }
    feed.hold();
    return feed;
  }

  suspect(): void {
    if (this.#suspicious) return;
    this.#suspicious = true;
    setTimeout(() => void this.#check(), firstPauseMs).unref();
  }

  close(): void {
    this.#closed = true;
    this.#run += 1;
    this.#stopListening();
    for (const timer of this.#timers) clearInterval(timer);
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
    this.metrics.feeds.set(0);
  }

  #goDown(): void {
    this.#run += 1;
    this.#up = false;
    for (const feed of this.#feeds.values()) feed.suspend();
    if (this.#degraded) return;
    this.#degraded = true;
    this.#options.onChange('degraded');
  }

  /** Finds or makes the stream, then lets every feed go on, or begin anew when the stream is another one. */
  async #recover(): Promise<void> {
    const run = ++this.#run;
    for (let pause = firstPauseMs; run === this.#run; pause = Math.min(pause * 2, longestPauseMs)) {
      try {
        await ensureStream(
          this.bus,
          liveStream(this.#options.replicas, this.history, this.#options.maxBytes),
        );
        const epoch = epochOf(await streamState(this.bus, liveStreamName));
        if (run === this.#run) await this.#goUp(epoch);
        return;
      } catch (error) {
        if (!isBusError(error, 'disconnected'))
          this.#options.logger.warn({ err: error }, 'live stream is out of reach');
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  async #goUp(epoch: string): Promise<void> {
    const run = this.#run;
    const same = epoch === this.#epoch;
    if (!same && this.#epoch !== '') this.#options.logger.warn({ epoch }, 'live stream began anew');
    this.#epoch = epoch;
    this.#up = true;
    for (const feed of this.#feeds.values()) {
      if (same && feed.begun) feed.continue();
      else feed.begin();
    }
    await Promise.all([...this.#feeds.values()].map((feed) => feed.ready()));
    if (run !== this.#run || !this.#degraded) return;
    this.#degraded = false;
    this.#options.onChange('restored');
  }

  /** The stream can be deleted or lost without a disconnect that this edge sees. */
  async #check(): Promise<void> {
    this.#suspicious = false;
    if (this.#closed || !this.#up || !this.bus.connected) return;
    const run = this.#run;
    let epoch: string | undefined;
    try {
      epoch = epochOf(await streamState(this.bus, liveStreamName));
    } catch (error) {
      // Only a clear answer counts: a question that timed out says nothing about the stream.
      if (!isBusError(error, 'rejected')) return;
    }
    if (epoch === this.#epoch || run !== this.#run) return;
    this.#goDown();
    void this.#recover();
  }

  #tidy(): void {
    const now = performance.now();
    for (const [name, feed] of this.#feeds) {
      if (!feed.tidy(now)) continue;
      feed.close();
      this.#feeds.delete(name);
    }
    this.metrics.feeds.set(this.#feeds.size);
  }
}
