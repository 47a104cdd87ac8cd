import { broadcasterMetrics } from '../metrics.ts';
import { channelOf } from '@sluice/live';
import { marketStream, tradeMessageId, tradeSubject } from '@sluice/market';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import { Registry } from '@sluice/telemetry';
import { pino } from 'pino';
import { CheckpointStore } from '../checkpoint.ts';
import { standForShard, type Shard } from '../shard.ts';
import type { Row } from './recompute.ts';

/** One replica with a connection of its own, so that it can die alone. */
export interface Replica {
  readonly shard: Shard;
  readonly bus: Bus;
  readonly registry: Registry;
  active(): Promise<boolean>;
  value(metric: string): Promise<number>;
  /** Hands over and goes. */
  stop(): Promise<void>;
  /** Cuts its connection, as a crash does; the lease stays until it runs out. */
  crash(): Promise<void>;
}

export async function startReplica(
  natsUrl: string,
  options: { shard?: string; filter?: string; checkpointMs?: number } = {},
): Promise<Replica> {
  const bus = await connectBus({ servers: [natsUrl], name: 'broadcaster under test' });
  const registry = new Registry();
  const name = options.shard ?? 'all';
  await ensureStream(bus, marketStream(1, 1024 ** 3));
  const shard = await standForShard({
    bus,
    store: await CheckpointStore.open(bus, name, 1),
    logger: pino({ level: process.env['BROADCASTER_LOG'] ?? 'silent' }),
    metrics: broadcasterMetrics(registry),
    shard: name,
    holder: 'test',
    leaseMs: 3_000,
    filter: options.filter ?? 'market.>',
    replicas: 1,
    history: 1_000,
    maxBytes: 64 * 1024 * 1024,
    checkpointMs: options.checkpointMs ?? 200,
    pace: { tickerMs: 100, candleMs: 250 },
  });
  const value = async (metric: string): Promise<number> => {
    const found = await registry.getSingleMetric(metric)?.get();
    return (found?.values ?? []).reduce((sum, one) => sum + one.value, 0);
  };
  return {
    shard,
    bus,
    registry,
    value,
    active: async () => (await value('sluice_broadcaster_active')) === 1,
    stop: async () => {
      await shard.stop();
      await bus.close(1_000);
    },
    crash: () => bus.close(0),
  };
}

export async function publishTrades(bus: Bus, rows: readonly Row[], venue = 'binance'): Promise<void> {
  const window = 500;
  for (let at = 0; at < rows.length; at += window)
    await Promise.all(
      rows.slice(at, at + window).map(({ ts, symbol, id, price, size, side }) =>
        publishStored(bus, tradeSubject(venue, symbol), JSON.stringify({ id, ts, price, size, side }), {
          msgId: tradeMessageId(venue, symbol, id),
          deadline: Date.now() + 20_000,
        }),
      ),
    );
}

/** Everything that comes out of the live stream, as a client would see it. */
export class Listener {
  readonly events: { channel: string; seq: number; prev: number; data: Record<string, unknown> }[] = [];

  constructor(bus: Bus) {
    bus.subscribe('live.out.>', (message) => {
      this.events.push({
        channel: channelOf(message.subject) ?? '',
        seq: Number(message.header('Nats-Sequence')),
        prev: Number(message.header('Nats-Last-Sequence')),
        data: message.json() as Record<string, unknown>,
      });
    });
  }

  of(channel: string): Record<string, unknown>[] {
    return this.events.filter((event) => event.channel === channel).map(({ data }) => data);
  }

  newest(channel: string): Record<string, unknown> | undefined {
    return this.of(channel).at(-1);
  }
}
