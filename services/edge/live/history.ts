import { channelOf, isChannel, liveStreamName, publishSubject } from '@sluice/live';
import { lastMessages, readFrom, type Bus, type StoredMessage } from '@sluice/nats';
import type { FeedHost } from './feed-host.ts';
import { LiveEvent } from './live-event.ts';

/** Events as the stream had them when it was read. */
export interface Past {
  /** Ascending by sequence, with their predecessors as far as they are known. */
  readonly events: readonly LiveEvent[];
  /** Sequence of the newest message that was found, be it an event or not; 0 when there was none. */
  readonly end: number;
  /** Nothing of what was asked for had been dropped from the stream before. */
  readonly whole: boolean;
}

/** A part of the past. */
export interface Span {
  /** A channel or pattern: the history's own name, or a channel of its pattern. */
  readonly name: string;
  /** First sequence. */
  readonly from: number;
  /** A sequence that is known to be stored, so that an answer which does not reach it is a stale one. */
  readonly reach: number;
  /** Ends the reading early: what is read is not wanted any more. */
  readonly unwanted?: () => boolean;
}

/** Most events that are read back at once for a pattern; more than that is not a resume any more. */
const patternLimit = 20_000;
/** How often a read that does not reach what has already been seen is repeated: a replica may lag behind its leader. */
const staleReads = 20;
const stalePauseMs = 50;
/** Channels of one question. */
const mostAtOnce = 1_000;

/** The past of one channel or pattern: what stream `LIVE` still has of it. */
export class History {
  readonly #bus: Bus;
  readonly #name: string;
  /** Events that the stream keeps per channel. */
  readonly #kept: number;
  /** Most events of one read. */
  readonly #limit: number;

  constructor({ bus, history }: Pick<FeedHost, 'bus' | 'history'>, name: string) {
    this.#bus = bus;
    this.#name = name;
    this.#kept = history;
    this.#limit = isChannel(name) ? history : patternLimit;
  }

  /** The newest event of every channel. Rejects with BusError. */
  async newest(): Promise<Past> {
    const stored = await lastMessages(this.#bus, liveStreamName, [publishSubject(this.#name)]);
    return { events: eventsOf(stored, false), end: endOf(stored), whole: true };
  }

  /** Sequence of the newest event that each of these channels had before `seq`, as far as it is kept. Rejects with BusError. */
  async newestBefore(channels: readonly string[], seq: number): Promise<ReadonlyMap<string, number>> {
    const newest = new Map<string, number>();
    for (let at = 0; at < channels.length; at += mostAtOnce) {
      const subjects = channels.slice(at, at + mostAtOnce).map(publishSubject);
      for (const stored of await lastMessages(this.#bus, liveStreamName, subjects, { upTo: seq - 1 }))
        newest.set(channelOf(stored.subject) ?? '', stored.seq);
    }
    return newest;
  }

  /**
   * Everything from `from` on. Null when `reach` was not reached after a second of trying, or when nobody wants it any
   * more. Rejects with BusError.
   */
  async read(span: Span): Promise<Past | null> {
    const { name, from, reach, unwanted } = span;
    for (let reads = 1; ; reads++) {
      const stored = await readFrom(this.#bus, liveStreamName, publishSubject(name), from, {
        limit: this.#limit,
      });
      const end = endOf(stored);
      if (end >= reach) {
        const whole = this.#isWhole(stored);
        return { events: eventsOf(stored, whole && from === 1), end, whole };
      }
      if (reads === staleReads || unwanted?.() === true) return null;
      await new Promise((resolve) => setTimeout(resolve, stalePauseMs));
    }
  }

  /** The stream drops a channel's event only for its newest `kept` ones: where there are fewer, none was dropped. */
  #isWhole(stored: readonly StoredMessage[]): boolean {
    if (stored.length >= this.#limit) return false;
    if (stored.length < this.#kept) return true;
    const counts = new Map<string, number>();
    for (const { subject } of stored) counts.set(subject, (counts.get(subject) ?? 0) + 1);
    return [...counts.values()].every((count) => count < this.#kept);
  }
}

function endOf(stored: readonly StoredMessage[]): number {
  return stored.at(-1)?.seq ?? 0;
}

/** `complete`: the first event of a channel here is its first of all. */
function eventsOf(stored: readonly StoredMessage[], complete: boolean): LiveEvent[] {
  const before = new Map<string, number>();
  return stored.flatMap(({ subject, seq, data }) => {
    const channel = channelOf(subject);
    if (channel === undefined) return [];
    const prev = before.get(channel) ?? (complete ? 0 : null);
    before.set(channel, seq);
    return [new LiveEvent(channel, seq, prev, Buffer.from(data))];
  });
}
