import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, type Bus } from '@sluice/nats';
import { Registry } from '@sluice/telemetry';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Hub } from './hub.ts';
import { Membership, type Allowance } from './membership.ts';
import { liveMetrics } from './metrics.ts';
import type { Subscriber } from './subscription.ts';

let nats: TestNats;
let bus: Bus;
let registry: Registry;
let hub: Hub;
let membership: Membership;

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'edge under test' });
  await ensureStream(bus, liveStream(1));
});

afterAll(async () => {
  await bus.close(1_000);
  await nats.stop();
});

/** Everybody may join everything. */
const allowance = {
  access: { caller: null },
  rules: () => ({ permissions: { refusal: () => null }, channels: 10 }),
} as unknown as Allowance;
const subscriber: Subscriber = { deliver: () => {}, resync: () => {}, notify: () => {} };

beforeEach(() => {
  registry = new Registry();
  hub = new Hub({
    bus,
    logger: pino({ level: 'silent' }),
    metrics: liveMetrics(registry),
    replicas: 1,
    history: 1_000,
    maxBytes: 64 * 1024 * 1024,
    onChange: () => {},
  });
  membership = new Membership(subscriber, hub, allowance);
});

afterEach(() => hub.close());

async function subscriptions(): Promise<number | undefined> {
  return (await registry.getSingleMetric('sluice_live_subscriptions')?.get())?.values[0]?.value;
}

it('joins nothing once it is closed, not even what could be joined in the same turn', async () => {
  const hot = hub.feed('hot.a');
  await until(() => hot.live);
  membership.close();
  await membership.join({ names: ['hot.a'] }, () => expect.unreachable());
  expect([membership.size, await subscriptions(), hot.audience.subscriptions.size]).toEqual([0, 0, 0]);
});

it('joins nothing when it is closed while the past is being read', async () => {
  const joined = membership.join({ names: ['cold.a'] }, () => expect.unreachable());
  membership.close();
  await joined;
  expect([membership.size, await subscriptions()]).toEqual([0, 0]);
});

it('keeps nothing of a wish whose client could not be told', async () => {
  const fault = new Error('no bytes for it');
  const joined = membership.join({ names: ['cold.a', 'cold.b'] }, () => {
    throw fault;
  });
  await expect(joined).rejects.toBe(fault);
  expect([membership.size, await subscriptions()]).toEqual([0, 0]);
  await membership.join({ names: ['cold.a'] }, () => {});
  expect([membership.size, await subscriptions()]).toEqual([1, 1]);
});
