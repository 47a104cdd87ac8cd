import { epochOf, liveStream, liveStreamName } from '@sluice/live';
import { ensureStream, isBusError, streamState, type Bus } from '@sluice/nats';
import type { Logger } from '@sluice/telemetry';
import { Attempts, type Rests } from './attempts.ts';
import type { FeedHost } from './feed-host.ts';
import { Feed } from './feed.ts';
import type { LiveMetrics } from './metrics.ts';
import { Pulse } from './pulse.ts';

const checkMs = 5_000;
const tidyMs = 1_000;
/** A suspicion rests so long before the stream is looked at: many feeds have it at once. */
const suspicionMs = 100;
/** Rests between attempts to find or make the stream. */
const rests: Rests = { first: 100, longest: 2_000 };

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
  readonly pulse: Pulse;
  readonly #options: HubOptions;
  readonly #feeds = new Map<string, Feed>();
  readonly #timers: NodeJS.Timeout[];
  readonly #stopListening: () => void;
  /** To find or make the stream. */
  readonly #attempts: Attempts;
  #epoch = '';
  #up = false;
  /** Clients have been told that live data is interrupted. */
  #degraded = false;
  #suspicious = false;
  #closed = false;

  constructor(options: HubOptions) {
    this.bus = options.bus;
    this.metrics = options.metrics;
    this.history = options.history;
    this.#options = options;
    this.pulse = new Pulse((error) => {
      this.metrics.faults.inc();
      options.logger.error({ err: error }, 'live events could not be delivered');
    });
    this.#attempts = new Attempts(rests, (error) => {
      if (!isBusError(error, 'disconnected'))
        options.logger.warn({ err: error }, 'live stream is out of reach');
    });
    this.#stopListening = options.bus.onStatus((status) => {
      if (status === 'connected') this.#recover();
      else this.#goDown();
    });
    this.#timers = [setInterval(() => void this.#check(), checkMs), setInterval(() => this.#tidy(), tidyMs)];
    for (const timer of this.#timers) timer.unref();
    if (options.bus.connected) this.#recover();
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
    feed.audience.hold();
    return feed;
  }

  suspect(): void {
    if (this.#suspicious) return;
    this.#suspicious = true;
    setTimeout(() => void this.#check(), suspicionMs).unref();
  }

  close(): void {
    this.#closed = true;
    this.#attempts.overtake();
    this.#stopListening();
    for (const timer of this.#timers) clearInterval(timer);
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
    this.metrics.feeds.set(0);
  }

  #goDown(): void {
    this.#attempts.overtake();
    this.#up = false;
    for (const feed of this.#feeds.values()) feed.suspend();
    if (this.#degraded) return;
    this.#degraded = true;
    this.#options.onChange('degraded');
  }

  /** Finds or makes the stream, then lets every feed go on, or begin anew when the stream is another one. */
  #recover(): void {
    const { replicas, maxBytes } = this.#options;
    void this.#attempts.start(async (attempt) => {
      await ensureStream(this.bus, liveStream(replicas, this.history, maxBytes));
      const epoch = epochOf(await streamState(this.bus, liveStreamName));
      if (attempt === this.#attempts.newest) await this.#goUp(attempt, epoch);
    });
  }

  async #goUp(attempt: number, epoch: string): Promise<void> {
    const same = epoch === this.#epoch;
    if (!same && this.#epoch !== '') this.#options.logger.warn({ epoch }, 'live stream began anew');
    this.#epoch = epoch;
    this.#up = true;
    for (const feed of this.#feeds.values()) {
      if (same && feed.begun) feed.continue();
      else feed.begin();
    }
    await Promise.all([...this.#feeds.values()].map((feed) => feed.ready()));
    if (attempt !== this.#attempts.newest || !this.#degraded) return;
    this.#degraded = false;
    this.#options.onChange('restored');
  }

  /** The stream can be deleted or lost without a disconnect that this edge sees. */
  async #check(): Promise<void> {
    this.#suspicious = false;
    if (this.#closed || !this.#up || !this.bus.connected) return;
    const attempt = this.#attempts.newest;
    let epoch: string | undefined;
    try {
      epoch = epochOf(await streamState(this.bus, liveStreamName));
    } catch (error) {
      // Only a clear answer counts: a question that timed out says nothing about the stream.
      if (!isBusError(error, 'rejected')) return;
    }
    if (epoch === this.#epoch || attempt !== this.#attempts.newest) return;
    this.#goDown();
    this.#recover();
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
