import type { ChannelPolicy } from '@sluice/live';
import type { Batch } from './batch.ts';
import type { LiveEvent } from './live-event.ts';

/** Where one client stands on one channel or pattern. */
export interface Subscription {
  /** Channel or pattern as the client named it. */
  readonly name: string;
  readonly policy: ChannelPolicy;
  readonly subscriber: Subscriber;
  /** Events at the front of the feed's waiting batch that this client already has. */
  skip: number;
}

/** The result of joining a feed, or of beginning anew on it: what the client is told. */
export interface Standing {
  readonly name: string;
  readonly epoch: string;
  /** Sequence of the newest event the client has now, 0 when the channel has none. For patterns the highest of any channel. */
  readonly seq: number;
  /** Present when the client asked to resume. */
  readonly recovered?: boolean;
  /** Events that the client gets before it is told: what it missed, or the history it asked for. */
  readonly events: readonly LiveEvent[];
  /** The newest event of each channel, where the client gets no events. */
  readonly snapshot: readonly LiveEvent[];
}

/** A client as feeds and hub see it. */
export interface Subscriber {
  /** Takes the events of one turn. */
  deliver(batch: Batch, subscription: Subscription): void;
  /** The thread is lost: tells the client where it stands now. */
  resync(subscription: Subscription, standing: Standing): void;
  /** Live data is interrupted, or goes on. */
  notify(event: 'degraded' | 'restored'): void;
}
