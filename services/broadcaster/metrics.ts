import { Counter, Gauge, type Registry } from '@sluice/telemetry';

export type BroadcasterMetrics = ReturnType<typeof broadcasterMetrics>;

export function broadcasterMetrics(registry: Registry) {
  const registers = [registry];
  return {
    active: new Gauge({
      name: 'sluice_broadcaster_active',
      help: '1 while this replica broadcasts its shard, 0 while it stands by.',
      registers,
    }),
    events: new Counter({
      name: 'sluice_broadcaster_events_total',
      help: 'Market events read, by what became of them.',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    published: new Counter({
      name: 'sluice_broadcaster_published_total',
      help: 'Channel events stored in the live stream.',
      labelNames: ['channel'],
      registers,
    }),
    repeated: new Counter({
      name: 'sluice_broadcaster_repeated_total',
      help: 'Trades left out because the live stream had them already: published by the replica before.',
      registers,
    }),
    troubles: new Counter({
      name: 'sluice_broadcaster_troubles_total',
      help: 'Times that publishing was interrupted and began again.',
      registers,
    }),
    waiting: new Gauge({
      name: 'sluice_broadcaster_waiting',
      help: 'Channel events that are published and not yet stored.',
      registers,
    }),
    symbols: new Gauge({
      name: 'sluice_broadcaster_symbols',
      help: 'Markets that this replica broadcasts.',
      registers,
    }),
    sequence: new Gauge({
      name: 'sluice_broadcaster_sequence',
      help: 'Sequence of the newest market event that was broadcast.',
      registers,
    }),
    checkpoints: new Counter({
      name: 'sluice_broadcaster_checkpoints_total',
      help: 'Checkpoints, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
  };
}
