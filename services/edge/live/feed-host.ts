import type { Bus } from '@sluice/nats';
import type { LiveMetrics } from './metrics.ts';
import type { Pulse } from './pulse.ts';

/** What a feed and its parts need from the hub they belong to. */
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
