import type { BusSubscription } from '@sluice/nats';
import { Attempts, type Rests } from './attempts.ts';
import { Audience } from './audience.ts';
import { Batch } from './batch.ts';
import type { Collector } from './collector.ts';
import { Collectors } from './collectors.ts';
import { eventIdOf } from './event-id.ts';
import type { FeedHost } from './feed-host.ts';
import { History } from './history.ts';
import type { LiveEvent } from './live-event.ts';
import { readMissed } from './missed.ts';
import type { Standing, Subscription } from './subscription.ts';
import { subscribeToUpdates } from './updates.ts';
import { Waiting } from './waiting.ts';

/** Rests between attempts to become live. */
const rests: Rests = { first: 50, longest: 1_000 };

/**
 * One channel or pattern as this edge follows it: one NATS subscription for all its clients. Every event passes
 * `#accept`, which knows the predecessor that the stream gave it, so that a lost one is noticed and fetched before
 * anything after it goes on.
 */
export class Feed {
  readonly name: string;
  readonly audience = new Audience();
  /** The past for those who join. */
  readonly collectors: Collectors;
  readonly #host: FeedHost;
  readonly #history: History;
  readonly #subscription: BusSubscription;
  /** To become live. */
  readonly #attempts: Attempts;
  /** The sets of `audience` and `collectors`, at hand for every event. */
  readonly #subscriptions: ReadonlySet<Subscription> = this.audience.subscriptions;
  readonly #collecting: ReadonlySet<Collector>;
  /** The newest event of each channel. */
  readonly #last = new Map<string, LiveEvent>();
  /** Everything up to here is known of channels that are not in `#last`. */
  #base = 0;
  #live = false;
  #begun = false;
  #ready = Promise.withResolvers<void>();
  /** Arrived while the past is being read. */
  readonly #waiting = new Waiting();
  /** Accepted and not yet fanned out. */
  #turn: LiveEvent[] = [];

  constructor(host: FeedHost, name: string) {
    this.#host = host;
    this.name = name;
    this.#history = new History(host, name);
    this.collectors = new Collectors(this, this.#history);
    this.#collecting = this.collectors.open;
    // Without a connection the hub begins again when it is back; a stream that is missing is made again by the hub.
    this.#attempts = new Attempts(rests, () => host.suspect());
    this.#subscription = subscribeToUpdates(host, name, this.#receive);
  }

  get live(): boolean {
    return this.#live;
  }

  /** Whether the state was ever read: before that there is nothing to continue from. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Channels that have an event. */
  get channels(): number {
    return this.#last.size;
  }

  /** Sequence of the newest event, of any channel; 0 when there is none. */
  get position(): number {
    let position = 0;
    for (const event of this.#last.values()) position = Math.max(position, event.seq);
    return position;
  }

  /** Resolves when the feed is live, at once if it is. It may be behind again a turn later. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Begins from the newest state of every channel, and tells subscribers that were there before so. */
  begin(): void {
    this.#start(async (attempt) => {
      // The server must know the subscription before the state is read, or events between the two would be missed.
      await this.#host.bus.flush();
      await this.#readState(attempt);
    });
  }

  /** Fetches what was missed while NATS was away. */
  continue(): void {
    this.#start((attempt) => this.#catchUp(attempt));
  }

  /** NATS is away: everything waits. */
  suspend(): void {
    this.#fallBehind();
  }

  /** Only while live, and in the same turn as the client is told. */
  join(
    subscription: Subscription,
    standing: { recovered?: boolean; events: readonly LiveEvent[] },
  ): Standing {
    this.audience.join(subscription, this.#turn.length);
    const snapshot =
      standing.recovered === true || standing.events.length > 0 ? [] : [...this.#last.values()];
    return { name: this.name, epoch: this.#host.epoch, seq: this.position, snapshot, ...standing };
  }

  /** Forgets what nobody has asked for lately. Gives true when the feed itself is no longer needed. */
  tidy(now: number): boolean {
    this.collectors.tidy(now);
    return this.audience.isIdle(now);
  }

  close(): void {
    this.#attempts.overtake();
    this.#subscription.unsubscribe();
    this.#ready.resolve();
  }

  /** Fans out what was accepted since the last time. */
  beat(): void {
    if (this.#turn.length === 0) return;
    const batch = new Batch(this.#turn, (event) => eventIdOf(this.#host.epoch, this.name, event.seq));
    this.#turn = [];
    this.audience.deliver(batch);
  }

  /** A function, not a method, so that the bus's handler calls it with nothing in between. */
  readonly #receive = (event: LiveEvent): void => {
    if (this.#live) return this.#accept(event);
    this.#waiting.add(event);
  };

  #accept(event: LiveEvent): void {
    const known = this.#last.get(event.channel)?.seq ?? this.#base;
    if (event.seq <= known) return this.#host.suspect();
    if (event.prev === null || event.prev <= known) return this.#commit(event);
    // Something between is missing.
    this.#fallBehind();
    this.#waiting.add(event);
    const { channel, prev } = event;
    this.#start(async (attempt) => {
      await this.#refill(attempt, async (unwanted) => {
        const past = await this.#history.read({ name: channel, from: known + 1, reach: prev, unwanted });
        return past?.whole ? past.events : null;
      });
    });
  }

  #commit(event: LiveEvent): void {
    this.#last.set(event.channel, event);
    for (const collector of this.#collecting) collector.add(event);
    if (this.#subscriptions.size === 0) return;
    this.#turn.push(event);
    this.#host.pulse.feed(this);
  }

  #fallBehind(): void {
    this.#attempts.overtake();
    if (!this.#live) return;
    this.#live = false;
    this.#ready = Promise.withResolvers();
  }

  /** Goes live as soon as `work` has succeeded, unless something newer takes over. */
  #start(work: (attempt: number) => Promise<void>): void {
    this.#fallBehind();
    void this.#attempts.start(async (attempt) => {
      await work(attempt);
      if (attempt === this.#attempts.newest) this.#goLive();
    });
  }

  #goLive(): void {
    if (this.#waiting.incomplete) return this.continue();
    const waiting = this.#waiting.take();
    this.#live = true;
    for (const event of waiting) {
      const known = this.#last.get(event.channel)?.seq ?? this.#base;
      if (!this.#live) this.#waiting.add(event);
      else if (event.seq > known) this.#accept(event);
    }
    if (this.#live) this.#ready.resolve();
  }

  /** Reads the newest event of every channel. Those who were subscribed before have lost the thread. */
  async #readState(attempt: number): Promise<void> {
    const { events, end } = await this.#history.newest();
    if (attempt !== this.#attempts.newest) return;
    const { pulse } = this.#host;
    pulse.guard(() => this.beat());
    this.collectors.breakOff();
    this.#last.clear();
    this.#base = end;
    this.#begun = true;
    for (const event of events) this.#last.set(event.channel, event);
    for (const subscription of this.#subscriptions) {
      this.#host.metrics.resyncs.inc();
      const standing = this.join(subscription, { recovered: false, events: [] });
      pulse.guard(() => subscription.subscriber.resync(subscription, standing));
    }
  }

  /** Fetches everything that came after what is known of each channel. */
  async #catchUp(attempt: number): Promise<void> {
    const dropped = this.#waiting.takeDropped();
    const from = Math.min(Math.max(this.position, this.#base) + 1, dropped);
    const known = { last: this.#last, base: this.#base };
    let done = false;
    try {
      done = await this.#refill(attempt, (unwanted) =>
        readMissed(this.#history, { name: this.name, from, known, unwanted }),
      );
    } finally {
      if (!done) this.#waiting.drop(dropped);
    }
  }

  /**
   * Commits what `read` gives: of every channel that is in it, all events after the known one. Where it gives null the
   * thread is lost. False when something newer has taken over.
   */
  async #refill(
    attempt: number,
    read: (unwanted: () => boolean) => Promise<readonly LiveEvent[] | null>,
  ): Promise<boolean> {
    this.#host.metrics.refills.inc();
    const unwanted = (): boolean => attempt !== this.#attempts.newest;
    const events = await read(unwanted);
    if (unwanted()) return false;
    if (!events) {
      await this.#readState(attempt);
      return !unwanted();
    }
    for (const event of events) {
      const known = this.#last.get(event.channel)?.seq ?? 0;
      if (event.seq > known) this.#commit(event.after(known));
    }
    return true;
  }
}
