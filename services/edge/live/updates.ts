import { channelOf, isChannel, updateSubject } from '@sluice/live';
import type { BusSubscription } from '@sluice/nats';
import type { FeedHost } from './feed-host.ts';
import { LiveEvent } from './live-event.ts';

/**
 * Subscribes to what the stream republishes of a channel or pattern. `take` gets every event in the turn it arrives in,
 * with the sequences that the stream gave to it and to its predecessor.
 */
export function subscribeToUpdates(
  host: Pick<FeedHost, 'bus' | 'metrics'>,
  name: string,
  take: (event: LiveEvent) => void,
): BusSubscription {
  const { bus, metrics } = host;
  const single = isChannel(name);
  return bus.subscribe(updateSubject(name), (message) => {
    const seq = Number(message.header('Nats-Sequence'));
    const prev = Number(message.header('Nats-Last-Sequence') ?? 0);
    const channel = single ? name : channelOf(message.subject);
    // Without a sequence it does not come from the stream, and other names cannot be subscribed to.
    if (!(seq > 0) || channel === undefined) return;
    metrics.tally.events += 1;
    take(new LiveEvent(channel, seq, prev, Buffer.from(message.data)));
  });
}
