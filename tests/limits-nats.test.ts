import { limitQueue, limitSubjects, usageBucket, windowBuckets } from '@sluice/limits';
import { connectBus, openCounters, type Bus, type BusMessage, type BusSubscription } from '@sluice/nats';
import { gatewaySchema } from '@sluice/policy';
import { plainRoute, type CompiledRoute } from '@sluice/routes';
import { Registry } from '@sluice/telemetry';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLimits, type Limits } from '../services/edge/limits/mod.ts';
import { followClock } from '../services/ratelimit/clock-follower.ts';
import { Granter } from '../services/ratelimit/granter.ts';
import { leaseHandler, returnHandler } from '../services/ratelimit/lease-handler.ts';
import { ratelimitMetrics } from '../services/ratelimit/metrics.ts';
import { ServerClock } from '../services/ratelimit/server-clock.ts';

/** Limits of different sizes at once: each is an experiment of its own under the same failures. */
const limits = [1, 3, 10, 40, 150];
const windowMs = 1_000;
const document = gatewaySchema.parse({
  limits: Object.fromEntries(
    limits.map((limit) => [`l${limit}`, { limit, window: '1s', key: ['address'], on_failure: 'closed' }]),
  ),
});
/** This process may be paused between a decision and the look at the clock that follows it. */
const pauseMs = 20;
const keys = ['192.0.2.1', '192.0.2.2'];

let nats: TestNats;
const buses: Bus[] = [];
const stops: (() => void)[] = [];

const connected = async (name: string): Promise<Bus> => {
  const bus = await connectBus({ servers: [nats.url], name });
  buses.push(bus);
  return bus;
};

/** A worker as `services/ratelimit/main.ts` makes it, that can be dropped without a word. */
async function startWorker(): Promise<{ kill(): void }> {
  const bus = await connected('worker');
  const counters: Record<string, Awaited<ReturnType<typeof openCounters>>> = {};
  for (const { name, maxAgeMs } of [...windowBuckets, usageBucket])
    counters[name] = await openCounters(bus, { name, maxAgeMs });
  const clock: ServerClock = new ServerClock({ onStep: () => granter.forget() });
  const granter = new Granter({ counters: counters as never, clock, mostKeys: 5, onLost: () => {} });
  const following = await followClock(counters['ratelimit'] as never, clock, {
    everyMs: 200,
    report: () => {},
  });
  const options = { granter, metrics: ratelimitMetrics(new Registry()) };
  const subscribe = (subject: string, handle: (message: BusMessage) => Promise<void>): BusSubscription =>
    bus.subscribe(subject, (message) => handle(message).catch(() => {}), { queue: limitQueue });
  subscribe(limitSubjects.lease, leaseHandler(options));
  subscribe(limitSubjects.giveBack, returnHandler(options));
  await bus.flush();
  const kill = (): void => {
    following.stop();
    void bus.close(0);
  };
  stops.push(kill);
  return { kill };
}

async function startEdge(): Promise<Limits> {
  const edge = createLimits({
    bus: await connected('edge'),
    document: { current: document, onChange: () => () => {} },
    consumers: { get: () => null },
    settings: { limitKeys: 100, limitTimeoutMs: 250 },
    registry: new Registry(),
    report: () => {},
  });
  stops.push(() => edge.stop());
  return edge;
}

beforeAll(async () => {
  nats = await startNatsServer();
});
afterAll(async () => {
  for (const stop of stops) stop();
  await Promise.all(buses.map((bus) => bus.close(0)));
  await nats.stop();
});

test('several edges and workers, killed one after another, and a NATS that restarts: no window holds more than its limit', async () => {
  const workers = [await startWorker(), await startWorker(), await startWorker()];
  const edges = [await startEdge(), await startEdge(), await startEdge()];
  const admitted = new Map<string, number[]>();
  const route = (limit: number): CompiledRoute =>
    ({ ...plainRoute, id: `r${limit}`, limits: [`l${limit}`] }) as never;
  const routes = limits.map(route);
  let sent = 0;

  const call = async (edge: Limits, at: CompiledRoute, client: string): Promise<void> => {
    sent++;
    let decidedAt = 0;
    try {
      await edge.admit({
        client,
        caller: null,
        route: at,
        fields: { endToEnd: [] } as never,
        outlet: { gone: false },
        addHeaders: () => (decidedAt = performance.now()),
      });
      const series = admitted.get(at.id + client) ?? [];
      series.push(decidedAt);
      admitted.set(at.id + client, series);
    } catch {
      // Refused: what is asked here is who was not.
    }
  };
  const load = setInterval(() => {
    edges.forEach((edge) => routes.forEach((at) => keys.forEach((client) => void call(edge, at, client))));
  }, 4);
  stops.push(() => clearInterval(load));
  const count = (): number => [...admitted.values()].reduce((sum, series) => sum + series.length, 0);
  /** The load goes on until that many more calls were let pass. */
  const more = async (calls: number): Promise<void> => {
    const from = count();
    await until(() => count() >= from + calls, { timeoutMs: 60_000 });
  };

  await more(400);
  workers.shift()?.kill();
  edges.shift()?.stop();
  edges.push(await startEdge());
  await more(300);
  await nats.kill();
  await nats.restart();
  workers.push(await startWorker());
  await more(300);
  workers.shift()?.kill();
  await more(300);
  clearInterval(load);

  for (const [series, times] of admitted) {
    const limit = Number(/\d+/.exec(series)?.[0]);
    let first = 0;
    for (let last = 0; last < times.length; last++) {
      while ((times[first] as number) <= (times[last] as number) - windowMs + pauseMs) first++;
      expect(last - first + 1, series).toBeLessThanOrEqual(limit);
    }
  }
  // Every limit was tried hard, or the test has shown nothing.
  expect(sent).toBeGreaterThan(count() * 2);
  expect(admitted.size).toBe(limits.length * keys.length);
});
