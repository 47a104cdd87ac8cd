import { channelOf, isChannel, liveStreamName, publishSubject, updateSubject } from '@sluice/live';
import {
  lastMessages,
  readFrom,
  type Bus,
  type BusMessage,
  type BusSubscription,
  type StoredMessage,
} from '@sluice/nats';
import { Batch } from './batch.ts';
import { Collector } from './collector.ts';
import { eventIdOf } from './event-id.ts';
import { LiveEvent } from './live-event.ts';
import type { LiveMetrics } from './metrics.ts';
import type { Pulse } from './pulse.ts';
import type { Standing, Subscription } from './subscription.ts';

/** What a feed needs from the hub it belongs to. */
export interface FeedHost {
  readonly bus: Bus;
  readonly pulse: Pulse;
  readonly metrics: LiveMetrics;
  /** Events that the stream keeps per channel. */
  readonly history: number;
  readonly epoch: string;
  /** The stream may be another one than it was: look again soon. */
  suspect(): void;
}

/** Most events that are read back at once for a pattern; more than that is not a resume any more. */
const patternLimit = 20_000;
/** Events that wait while the past is read; beyond it they are read from the stream too. */
const waitingLimit = 5_000;
const firstPauseMs = 50;
const longestPauseMs = 1_000;
/** How often a read that does not reach what has already been seen is repeated: a replica may lag behind its leader. */
const staleReads = 20;
const collectorMs = 5_000;
const idleMs = 5_000;

/**
 * One channel or pattern as this edge follows it: one NATS subscription for all its clients. Every event passes
 * `#accept`, which knows the predecessor that the stream gave it, so that a lost one is noticed and fetched before
 * anything after it goes on.
 */
export class Feed {
  readonly name: string;
  readonly #host: FeedHost;
  readonly #single: boolean;
  readonly #subscription: BusSubscription;
  readonly #subscriptions = new Set<Subscription>();
  readonly #collectors = new Set<Collector>();
  /** The newest event of each channel. */
  readonly #last = new Map<string, LiveEvent>();
  /** Everything up to here is known of channels that are not in `#last`. */
  #base = 0;
  #live = false;
  #begun = false;
  #ready = Promise.withResolvers<void>();
  /** Arrived while the past is being read. */
  #waiting: LiveEvent[] = [];
  /** Accepted and not yet fanned out. */
  #turn: LiveEvent[] = [];
  /** Counts the attempts to become live; an older one gives up when it sees a newer. */
  #run = 0;
  #holders = 0;
  #idleSince = performance.now();

  constructor(host: FeedHost, name: string) {
    this.#host = host;
    this.name = name;
    this.#single = isChannel(name);
    this.#subscription = host.bus.subscribe(updateSubject(name), (message) => this.#receive(message));
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
    void this.#start(async (run) => {
      // The server must know the subscription before the state is read, or events between the two would be missed.
      await this.#host.bus.flush();
      await this.#readState(run);
    });
  }

  /** Fetches what was missed while NATS was away. */
  continue(): void {
    const from = Math.max(this.position, this.#base) + 1;
    void this.#start((run) => this.#refill(run, this.name, from, 0));
  }

  /** NATS is away: everything waits. */
  suspend(): void {
    this.#fallBehind();
  }

  /** Keeps the feed alive while somebody prepares to join. */
  hold(): void {
    this.#holders += 1;
  }

  letGo(): void {
    this.#holders -= 1;
    this.#idleSince = performance.now();
  }

  /** Only while live, and in the same turn as the client is told. */
  join(
    subscription: Subscription,
    standing: { recovered?: boolean; events: readonly LiveEvent[] },
  ): Standing {
    subscription.skip = this.#turn.length;
    this.#subscriptions.add(subscription);
    const snapshot =
      standing.recovered === true || standing.events.length > 0 ? [] : [...this.#last.values()];
    return { name: this.name, epoch: this.#host.epoch, seq: this.position, snapshot, ...standing };
  }

  leave(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    this.#idleSince = performance.now();
  }

  /** The past from sequence `from` on (a single channel's is always read whole). Release it with `letGoOf`. */
  collect(from: number): Collector {
    const wanted = this.#single ? 1 : from;
    let collector = [...this.#collectors].find((present) => present.from === wanted && !present.broken);
    if (!collector) {
      collector = new Collector(wanted, (made) => this.#read(made, wanted));
      this.#collectors.add(collector);
    }
    collector.users += 1;
    return collector;
  }

  letGoOf(collector: Collector): void {
    collector.users -= 1;
    if (collector.broken) this.#collectors.delete(collector);
  }

  /** Forgets what nobody has asked for lately. Gives true when the feed itself is no longer needed. */
  tidy(now: number): boolean {
    for (const collector of this.#collectors)
      if (collector.users === 0 && now - collector.since > collectorMs) this.#collectors.delete(collector);
    return this.#subscriptions.size === 0 && this.#holders === 0 && now - this.#idleSince > idleMs;
  }

  close(): void {
    this.#run += 1;
    this.#subscription.unsubscribe();
    this.#ready.resolve();
  }

  /** Fans out what was accepted since the last time. */
  beat(): void {
    if (this.#turn.length === 0) return;
    const batch = new Batch(this.#turn, (event) => eventIdOf(this.#host.epoch, this.name, event.seq));
    this.#turn = [];
    for (const subscription of this.#subscriptions) {
      const { skip } = subscription;
      subscription.skip = 0;
      if (skip === 0) subscription.subscriber.deliver(batch, subscription);
      else if (skip < batch.events.length) subscription.subscriber.deliver(batch.without(skip), subscription);
    }
  }

  #receive(message: BusMessage): void {
    const seq = Number(message.header('Nats-Sequence'));
    const prev = Number(message.header('Nats-Last-Sequence') ?? 0);
    const channel = this.#single ? this.name : channelOf(message.subject);
    // Without a sequence it does not come from the stream, and other names cannot be subscribed to.
    if (!(seq > 0) || channel === undefined) return;
    this.#host.metrics.tally.events += 1;
    const event = new LiveEvent(channel, seq, prev, Buffer.from(message.data));
    if (this.#live) return this.#accept(event);
    if (this.#waiting.length >= waitingLimit) this.#waiting = [];
    this.#waiting.push(event);
  }

  #accept(event: LiveEvent): void {
    const known = this.#last.get(event.channel)?.seq ?? this.#base;
    if (event.seq <= known) return this.#host.suspect();
    if (event.prev === null || event.prev <= known) return this.#commit(event);
    // Something between is missing.
    this.#fallBehind();
    this.#waiting.push(event);
    const { prev } = event;
    return void this.#start((run) => this.#refill(run, event.channel, known + 1, prev));
  }

  #commit(event: LiveEvent): void {
    this.#last.set(event.channel, event);
    for (const collector of this.#collectors) collector.add(event);
    if (this.#subscriptions.size === 0) return;
    this.#turn.push(event);
    this.#host.pulse.feed(this);
  }

  #fallBehind(): void {
    this.#run += 1;
    if (!this.#live) return;
    this.#live = false;
    this.#ready = Promise.withResolvers();
  }

  /** Runs `work` until it succeeds or something newer takes over, then goes live. */
  async #start(work: (run: number) => Promise<void>): Promise<void> {
    this.#fallBehind();
    const run = this.#run;
    for (let pause = firstPauseMs; run === this.#run; pause = Math.min(pause * 2, longestPauseMs)) {
      try {
        await work(run);
        if (run === this.#run) this.#goLive();
        return;
      } catch {
        // Without a connection the hub begins again when it is back; a stream that is missing is made again by the hub.
        this.#host.suspect();
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  #goLive(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#live = true;
    for (const event of waiting) {
      const known = this.#last.get(event.channel)?.seq ?? this.#base;
      if (!this.#live) this.#waiting.push(event);
      else if (event.seq > known) this.#accept(event);
    }
    if (this.#live) this.#ready.resolve();
  }

  /** Reads the newest event of every channel. Those who were subscribed before have lost the thread. */
  async #readState(run: number): Promise<void> {
    const { bus } = this.#host;
    const stored = await lastMessages(bus, liveStreamName, [publishSubject(this.name)]);
    if (run !== this.#run) return;
    this.beat();
    for (const collector of this.#collectors) collector.broken = true;
    this.#collectors.clear();
    this.#last.clear();
    this.#base = stored.at(-1)?.seq ?? 0;
    this.#begun = true;
    for (const event of this.#events(stored)) this.#last.set(event.channel, event);
    for (const subscription of this.#subscriptions) {
      this.#host.metrics.resyncs.inc();
      const standing = this.join(subscription, { recovered: false, events: [] });
      subscription.subscriber.resync(subscription, standing);
    }
  }

  /** Fetches the events of `name` from sequence `from` to at least `target` and commits them. */
  async #refill(run: number, name: string, from: number, target: number): Promise<void> {
    this.#host.metrics.refills.inc();
    for (let attempt = 1; ; attempt++) {
      const { stored, whole } = await this.#readBack(name, from);
      if (run !== this.#run) return;
      const reached = (stored.at(-1)?.seq ?? 0) >= target;
      if (!reached && attempt < staleReads) {
        await new Promise((resolve) => setTimeout(resolve, firstPauseMs));
        continue;
      }
      if (!reached || !whole) return this.#readState(run);
      for (const event of this.#events(stored)) {
        const known = this.#last.get(event.channel)?.seq ?? 0;
        if (event.seq > known) this.#commit(event.after(known));
      }
      return;
    }
  }

  /** Fills a collector. Throws when the stream cannot be read, or not up to what has already been seen. */
  async #read(collector: Collector, from: number): Promise<void> {
    const seen = this.position;
    for (let attempt = 1; attempt <= staleReads; attempt++) {
      const { stored, whole } = await this.#readBack(this.name, from);
      const reached = stored.at(-1)?.seq ?? 0;
      if (reached >= seen || seen < from)
        return collector.fill(this.#chain(stored, whole && from === 1), whole);
      await new Promise((resolve) => setTimeout(resolve, firstPauseMs));
    }
    collector.broken = true;
    throw new Error(`history of ${this.name} cannot be read up to ${seen}`);
  }

  /** `whole`: nothing from `from` on was dropped. The stream drops a channel's event only for its newest `history` ones. */
  async #readBack(name: string, from: number): Promise<{ stored: StoredMessage[]; whole: boolean }> {
    const { bus, history } = this.#host;
    const limit = this.#single ? history : patternLimit;
    const stored = await readFrom(bus, liveStreamName, publishSubject(name), from, { limit });
    if (stored.length < history) return { stored, whole: true };
    const counts = new Map<string, number>();
    for (const { subject } of stored) counts.set(subject, (counts.get(subject) ?? 0) + 1);
    const whole = stored.length < limit && [...counts.values()].every((count) => count < history);
    return { stored, whole };
  }

  /** Stored events with their predecessors, as far as they are known. */
  #chain(stored: readonly StoredMessage[], complete: boolean): LiveEvent[] {
    const before = new Map<string, number>();
    return this.#events(stored).map((event) => {
      const prev = before.get(event.channel) ?? (complete ? 0 : null);
      before.set(event.channel, event.seq);
      return event.after(prev);
    });
  }

  #events(stored: readonly StoredMessage[]): LiveEvent[] {
    return stored.flatMap(({ subject, seq, data }) => {
      const channel = channelOf(subject);
      return channel === undefined ? [] : [new LiveEvent(channel, seq, null, Buffer.from(data))];
    });
  }
}
