import { Counter, Gauge, readCounter, type Registry } from '@sluice/telemetry';

export type LiveMetrics = ReturnType<typeof liveMetrics>;

/** The live side's own series. None has a label whose values clients choose. */
export function liveMetrics(registry: Registry) {
  const registers = [registry];
  // Counted for every client and event: a plain addition there, and a counter only when somebody looks.
  const tally = { events: 0, frames: 0, bytes: 0, conflated: 0 };
  const tallied = (of: keyof typeof tally, name: string, help: string): void =>
    readCounter(registry, name, help, () => tally[of]);
  tallied('events', 'sluice_live_events_total', 'Channel events received from NATS.');
  tallied('frames', 'sluice_live_frames_total', 'Channel events written to clients.');
  tallied('bytes', 'sluice_live_bytes_total', 'Bytes written to live clients.');
  tallied(
    'conflated',
    'sluice_live_conflated_total',
    'Events left out for a slow client because a newer one of their channel replaced them.',
  );
  return {
    tally,
    connections: new Gauge({
      name: 'sluice_live_connections',
      help: 'Open live connections.',
      labelNames: ['transport'],
      registers,
    }),
    opened: new Counter({
      name: 'sluice_live_connections_opened_total',
      help: 'Live connections opened.',
      labelNames: ['transport'],
      registers,
    }),
    subscriptions: new Gauge({
      name: 'sluice_live_subscriptions',
      help: 'Subscriptions of all live connections.',
      registers,
    }),
    feeds: new Gauge({
      name: 'sluice_live_feeds',
      help: 'Channels and patterns that this edge follows on NATS.',
      registers,
    }),
    closed: new Counter({
      name: 'sluice_live_closed_total',
      help: 'Live connections that ended, by reason: `client` and `lost` are the client’s doing, all others the edge’s.',
      labelNames: ['reason'],
      registers,
    }),
    resumed: new Counter({
      name: 'sluice_live_resumed_total',
      help: 'Subscriptions that asked to resume, by outcome.',
      labelNames: ['recovered'],
      registers,
    }),
    refills: new Counter({
      name: 'sluice_live_refills_total',
      help: 'Gaps that this edge noticed and filled from the stream, reconnects to NATS included.',
      registers,
    }),
    resyncs: new Counter({
      name: 'sluice_live_resyncs_total',
      help: 'Channels that had to begin anew for their clients: a gap beyond history, or a new epoch.',
      registers,
    }),
    refused: new Counter({
      name: 'sluice_live_refused_total',
      help: 'Operations of clients that were answered with an error, by code.',
      labelNames: ['code'],
      registers,
    }),
    faults: new Counter({
      name: 'sluice_live_faults_total',
      help: 'Deliveries of events that failed by a fault of this edge; their clients see a gap.',
      registers,
    }),
    withdrawn: new Counter({
      name: 'sluice_live_withdrawn_total',
      help: 'Subscriptions that ended because their client may no longer read the channel.',
      registers,
    }),
    calls: new Counter({
      name: 'sluice_live_calls_total',
      help: 'REST calls made over live connections.',
      registers,
    }),
  };
}
