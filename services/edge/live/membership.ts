import { SluiceError } from '@sluice/errors';
import { channelPolicy, isChannel, matchesPattern, overlaps, type ChannelPolicy } from '@sluice/live';
import type { Access } from './access.ts';
import type { Collector } from './collector.ts';
import type { Feed } from './feed.ts';
import type { Hub } from './hub.ts';
import type { LiveMetrics } from './metrics.ts';
import type { Resume } from './op.ts';
import type { LiveEvent } from './live-event.ts';
import { ChannelsRefused, type Refusal } from './permissions.ts';
import type { LiveRules } from './rules.ts';
import type { Standing, Subscriber, Subscription } from './subscription.ts';

export interface Wish {
  readonly names: readonly string[];
  readonly resume?: Resume | undefined;
  /** Events of the past that the client wants where it does not resume. */
  readonly history?: number | undefined;
}

/** What decides on what a client may join; both may change at any time. */
export interface Allowance {
  readonly access: Access;
  readonly rules: () => LiveRules;
}

/** Channels that a pattern may have when somebody joins it: each of them is part of the snapshot. */
const snapshotLimit = 1_000;
/** How long a subscribe waits for the stream before it is refused. */
const patienceMs = 5_000;

interface Member {
  readonly subscription: Subscription;
  readonly feed: Feed;
}

/** A feed being joined, with what has been prepared for it. */
interface Candidate extends Member {
  collector: Collector | undefined;
}

/** The channels of one client: what it may join, joining without a gap, leaving. */
export class Membership {
  readonly #subscriber: Subscriber;
  readonly #hub: Hub;
  readonly #metrics: LiveMetrics;
  readonly #allowance: Allowance;
  readonly #members = new Map<string, Member>();
  #closed = false;

  constructor(subscriber: Subscriber, hub: Hub, allowance: Allowance) {
    this.#subscriber = subscriber;
    this.#hub = hub;
    this.#metrics = hub.metrics;
    this.#allowance = allowance;
  }

  get size(): number {
    return this.#members.size;
  }

  /**
   * Joins all channels of a wish or none. `tell` runs in the same turn as the joining, so that what it writes comes
   * exactly between the past and the first update. One wish at a time. Once it is closed a wish comes to nothing, without
   * a word: nobody is there to hear one. Throws SluiceError, and what `tell` throws.
   */
  async join(wish: Wish, tell: (standings: readonly Standing[]) => void): Promise<void> {
    // Operations wait for one another, so this one may begin when its client is long gone.
    if (this.#closed) return;
    const policies = this.#admit(wish);
    const candidates = policies.map(([name, policy]): Candidate => {
      const subscription: Subscription = { name, policy, subscriber: this.#subscriber, skip: 0 };
      return { subscription, feed: this.#hub.feed(name), collector: undefined };
    });
    try {
      const deadline = performance.now() + patienceMs;
      while (!candidates.every((candidate) => this.#isPrepared(candidate, wish))) {
        if (performance.now() > deadline) throw interrupted();
        await withinTime(
          Promise.all(candidates.map((candidate) => this.#prepare(candidate, wish))),
          deadline,
        );
        if (this.#closed) return;
      }
      const crowded = candidates.find(({ feed }) => feed.channels > snapshotLimit);
      if (crowded)
        throw new SluiceError(
          'unprocessable',
          `${crowded.feed.name} matches more than ${snapshotLimit} channels.`,
        );
      // Permissions may have changed while the past was being read.
      this.#permit(wish.names);
      // Nothing is awaited from the last look at `#closed` on: a member that is entered later would stay for ever.
      const standings = candidates.map((candidate) => this.#enter(candidate, wish));
      try {
        tell(standings);
      } catch (error) {
        this.leave(wish.names);
        throw error;
      }
    } finally {
      for (const { feed, collector } of candidates) {
        if (collector) feed.collectors.release(collector);
        feed.audience.letGo();
      }
    }
  }

  /** Whether events of this channel belong to the client. */
  follows(channel: string): boolean {
    if (this.#members.has(channel)) return true;
    for (const name of this.#members.keys()) if (matchesPattern(name, channel)) return true;
    return false;
  }

  /** Channels that the client is not subscribed to are passed over. */
  leave(names: readonly string[]): void {
    for (const name of names) {
      const member = this.#members.get(name);
      if (!member) continue;
      this.#members.delete(name);
      member.feed.audience.leave(member.subscription);
      this.#metrics.subscriptions.dec();
    }
  }

  /** Leaves what the client may no longer read; gives those names and why, or null where there are none. */
  withdraw(): Record<string, Refusal> | null {
    const refused = this.#refusedOf(this.#members.keys());
    if (refused) this.leave(Object.keys(refused));
    return refused;
  }

  close(): void {
    this.#closed = true;
    this.leave([...this.#members.keys()]);
  }

  /** Every check that needs no message: permission, names, limits. */
  #admit(wish: Wish): [string, ChannelPolicy][] {
    this.#permit(wish.names);
    const names = [...this.#members.keys()];
    const admitted = wish.names.map((name): [string, ChannelPolicy] => {
      const policy = channelPolicy(name);
      if (!policy) throw new SluiceError('not_found', `There is no channel ${name}.`);
      if (!isChannel(name) && wish.history !== undefined)
        throw new SluiceError('bad_request', `history: ${name} is a pattern, and only channels have one.`);
      const other = names.find((present) => overlaps(present, name));
      if (other !== undefined)
        throw new SluiceError(
          'conflict',
          other === name ? `Already subscribed to ${name}.` : `${name} overlaps with ${other}.`,
        );
      names.push(name);
      return [name, policy];
    });
    const { channels } = this.#allowance.rules();
    if (names.length > channels)
      throw new SluiceError('too_many_requests', `A connection may have ${channels} channels.`);
    if (!this.#hub.bus.connected) throw interrupted();
    return admitted;
  }

  #permit(names: readonly string[]): void {
    const refused = this.#refusedOf(names);
    if (refused) throw new ChannelsRefused(refused);
  }

  #refusedOf(names: Iterable<string>): Record<string, Refusal> | null {
    const { access, rules } = this.#allowance;
    const { permissions } = rules();
    const { caller } = access;
    let refused: Record<string, Refusal> | null = null;
    for (const name of names) {
      const refusal = permissions.refusal(name, caller);
      if (refusal !== null) (refused ??= {})[name] = refusal;
    }
    return refused;
  }

  #isPrepared({ feed, collector }: Candidate, wish: Wish): boolean {
    if (!feed.live) return false;
    const from = this.#pastWanted(feed, wish);
    return from === undefined || (collector !== undefined && !collector.broken);
  }

  async #prepare(candidate: Candidate, wish: Wish): Promise<void> {
    const { feed } = candidate;
    await feed.ready();
    const from = this.#pastWanted(feed, wish);
    if (from === undefined) return;
    const older = candidate.collector;
    if (older?.broken === true) feed.collectors.release(older);
    if (older === undefined || older.broken) candidate.collector = feed.collectors.take(from);
    // A history that cannot be read now is asked for again until time is up.
    await candidate.collector?.ready.catch(() => pause());
  }

  /** From which sequence on the past must be read; undefined where the present is enough. */
  #pastWanted(feed: Feed, wish: Wish): number | undefined {
    const resume = resumeOf(feed, wish);
    if (resume?.epoch === this.#hub.epoch && resume.seq <= feed.position)
      return resume.seq === feed.position ? undefined : resume.seq + 1;
    return wish.history === undefined ? undefined : 1;
  }

  #enter({ subscription, feed, collector }: Candidate, wish: Wish): Standing {
    this.#members.set(subscription.name, { subscription, feed });
    this.#metrics.subscriptions.inc();
    const resume = resumeOf(feed, wish);
    if (resume) {
      const missed = this.#missed(feed, resume, collector);
      this.#metrics.resumed.inc({ recovered: String(missed !== null) });
      if (missed) return feed.join(subscription, { recovered: true, events: missed });
    }
    const events = wish.history === undefined ? [] : (collector?.latest(wish.history) ?? []);
    return feed.join(subscription, { ...(resume ? { recovered: false } : {}), events });
  }

  /** What came after the position; null when that cannot be told any more. */
  #missed(feed: Feed, resume: Resume[string], collector: Collector | undefined): readonly LiveEvent[] | null {
    if (resume.epoch !== this.#hub.epoch || resume.seq > feed.position) return null;
    return resume.seq === feed.position ? [] : (collector?.after(resume.seq) ?? null);
  }
}

function resumeOf(feed: Feed, { resume }: Wish): Resume[string] | undefined {
  return resume && Object.hasOwn(resume, feed.name) ? resume[feed.name] : undefined;
}

function interrupted(): SluiceError {
  return new SluiceError('unavailable', 'Live data is interrupted; try again soon.');
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

/** Rejects as interrupted when `work` takes longer. */
async function withinTime(work: Promise<unknown>, deadline: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(interrupted()), Math.max(0, deadline - performance.now()));
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
