import type { History } from './history.ts';
import type { LiveEvent } from './live-event.ts';

/** What a feed has of the channels of its name. */
export interface Known {
  /** The newest event of each channel. */
  readonly last: ReadonlyMap<string, { readonly seq: number }>;
  /** Everything up to here is known of channels that are not in `last`. */
  readonly base: number;
}

/** A part of the past that a feed has missed. */
export interface Missed {
  /** Channel or pattern. */
  readonly name: string;
  /** The first sequence that may be missing; what is lost before it is found out. */
  readonly from: number;
  readonly known: Known;
  /** Ends the reading early: what is read is not wanted any more. */
  readonly unwanted: () => boolean;
}

/**
 * Everything of a channel or pattern that was missed: of each channel, all that came after what is known of it. Null where
 * some of it is no longer kept, or that cannot be told.
 *
 * On a pattern the newest event that is known says nothing of the other channels: an event of theirs may have been lost
 * before it, and only their next one would have shown that. So every channel that begins again here is asked for the
 * newest event it had by then; one that is not known means that the reading has to begin earlier.
 */
export async function readMissed(history: History, missed: Missed): Promise<readonly LiveEvent[] | null> {
  const { name, known, unwanted } = missed;
  const seqOf = (channel: string): number => known.last.get(channel)?.seq ?? known.base;
  let { from } = missed;
  for (;;) {
    const past = await history.read({ name, from, reach: 0, unwanted });
    if (unwanted() || !past?.whole) return null;
    const begin = from;
    const doubtful = [...new Set(past.events.map(({ channel }) => channel))].filter(
      (channel) => seqOf(channel) + 1 < begin,
    );
    if (doubtful.length === 0) return past.events;
    const asked = [...doubtful, ...newestOf(known, begin)];
    const before = await history.newestBefore(asked, begin);
    if (unwanted()) return null;
    // What is known and not there was dropped, or a replica answered that lags behind: neither tells what else there was.
    if (asked.some((channel) => known.last.has(channel) && (before.get(channel) ?? 0) < seqOf(channel)))
      return null;
    const lost = doubtful.filter((channel) => (before.get(channel) ?? 0) > seqOf(channel));
    if (lost.length === 0) return past.events;
    from = Math.min(...lost.map(seqOf)) + 1;
  }
}

/** The channel of the newest known event before sequence `seq`: a replica that has this one has all before it. */
function newestOf(known: Known, seq: number): string[] {
  let newest: { readonly channel: string; readonly seq: number } | undefined;
  for (const [channel, event] of known.last)
    if (event.seq < seq && event.seq > (newest?.seq ?? 0)) newest = { channel, seq: event.seq };
  return newest ? [newest.channel] : [];
}
