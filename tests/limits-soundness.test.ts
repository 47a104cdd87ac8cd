import { assert, asyncProperty, constantFrom, double, integer, record, type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Decision } from './support/limits-simulation/edge.ts';
import { Simulation } from './support/limits-simulation/simulation.ts';
import { calm, type Weather } from './support/limits-simulation/weather.ts';

/** The most that was admitted in any window of this length: the exact reference, by sliding it over every call. */
function mostInAnyWindow(calls: readonly Decision[], windowMs: number): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const call of calls) {
    sum += call.cost;
    while ((calls[first] as Decision).at <= call.at - windowMs) sum -= (calls[first++] as Decision).cost;
    most = Math.max(most, sum);
  }
  return most;
}

function byKey(calls: readonly Decision[]): Decision[][] {
  return [...Map.groupBy(calls, ({ key }) => key).values()];
}

/** Calls at random moments from every edge for a few keys; bursts and pauses, well above the limit as a rule. */
function load(sim: Simulation, options: { ms: number; calls: number; keys: number }): void {
  for (let i = 0; i < options.calls; i++) {
    const at = sim.time.random() * options.ms;
    const burst = sim.time.chance(0.1) ? 12 : 1;
    const edge = Math.floor(sim.time.random() * 8);
    const key = `key-${Math.floor(sim.time.random() * options.keys)}`;
    sim.time.after(at, () => {
      for (let n = 0; n < burst; n++) sim.call(edge, key);
    });
  }
}

/** One call after another, evenly, by turns through the edges. */
function steadily(sim: Simulation, options: { from: number; to: number; perSecond: number }): void {
  const { from, to, perSecond } = options;
  for (let n = 0; from + (n * 1_000) / perSecond < to; n++)
    sim.time.after(from + (n * 1_000) / perSecond, () => sim.call(n, 'steady'));
}

const storms = record({
  delayMs: constantFrom(1, 5, 30),
  slow: constantFrom(0, 0.02),
  loss: constantFrom(0, 0.02, 0.1),
  stale: constantFrom(0, 0.2),
  workerKills: constantFrom(0, 0.5, 2),
  edgeKills: constantFrom(0, 0.5),
  natsRestarts: constantFrom(0, 0.3),
}) satisfies Arbitrary<Weather>;

const scenario = record({
  seed: integer(),
  edges: integer({ min: 1, max: 4 }),
  workers: integer({ min: 1, max: 4 }),
  limit: integer({ min: 1, max: 60 }),
  windowMs: constantFrom(1_000, 2_500),
  cost: integer({ min: 1, max: 3 }),
  mostKeys: constantFrom(1, 2, 1_000),
  weather: storms,
});

const many = { numRuns: 120, endOnFailure: true };
const some = { numRuns: 25, endOnFailure: true };
const ms = 5_000;

describe('whatever dies, is lost or comes late', () => {
  test('no window of the limit’s length ever holds more than the limit', async () => {
    let admitted = 0;
    await assert(
      asyncProperty(scenario, async ({ limit, windowMs, cost, ...rest }) => {
        const sim = new Simulation({
          ...rest,
          document: { limits: { l: { limit, window: `${windowMs}ms`, on_failure: 'closed' } } },
          route: { limits: ['l'], cost },
        });
        load(sim, { ms, calls: 300, keys: 3 });
        await sim.time.runUntil(ms);
        admitted += sim.admitted.length;
        for (const calls of byKey(sim.admitted))
          expect(mostInAnyWindow(calls, windowMs)).toBeLessThanOrEqual(limit);
      }),
      many,
    );
    // It would be easy to keep a limit by letting nobody pass.
    expect(admitted).toBeGreaterThan(many.numRuns * 20);
  });

  test('of several limits on a call each holds, a burst within its second too', async () => {
    let admitted = 0;
    await assert(
      asyncProperty(scenario, async ({ limit, windowMs, cost, ...rest }) => {
        const burst = Math.max(1, limit >> 1);
        const sim = new Simulation({
          ...rest,
          document: {
            limits: {
              wide: { limit: 2 * limit, window: '2500ms', burst, on_failure: 'closed' },
              all: { limit: 3 * limit, window: `${windowMs}ms`, key: ['route'], on_failure: 'closed' },
            },
          },
          route: { limits: ['wide', 'all'], cost },
        });
        load(sim, { ms, calls: 250, keys: 2 });
        await sim.time.runUntil(ms);
        admitted += sim.admitted.length;
        expect(mostInAnyWindow(sim.admitted, windowMs)).toBeLessThanOrEqual(3 * limit);
        for (const calls of byKey(sim.admitted)) {
          expect(mostInAnyWindow(calls, 2_500)).toBeLessThanOrEqual(2 * limit);
          expect(mostInAnyWindow(calls, 1_000)).toBeLessThanOrEqual(burst);
        }
      }),
      some,
    );
    expect(admitted).toBeGreaterThan(0);
  });

  test('a day’s quota is never exceeded, on neither side of midnight', async () => {
    const midnight = Date.UTC(2026, 10, 22);
    let admitted = 0;
    await assert(
      asyncProperty(scenario, async ({ limit, cost, ...rest }) => {
        const quota = 8 * limit;
        const sim = new Simulation({
          ...rest,
          epoch: midnight - ms / 2,
          document: {
            quotas: { q: { limit: quota, period: 'day', on_failure: 'closed' } },
            consumers: [{ id: 'key-0', quotas: ['q'] }],
          },
          route: { cost },
        });
        // Edges often hold tokens of the first day when it ends; the second one is used up.
        load(sim, { ms, calls: 100, keys: 1 });
        sim.time.after(ms / 2, () => load(sim, { ms: ms / 2, calls: 300, keys: 1 }));
        await sim.time.runUntil(ms);
        admitted += sim.admitted.length;
        const days = [...Map.groupBy(sim.admitted, ({ at }) => at < ms / 2).values()];
        for (const calls of days)
          expect(calls.reduce((sum, call) => sum + call.cost, 0)).toBeLessThanOrEqual(quota);
      }),
      some,
    );
    expect(admitted).toBeGreaterThan(0);
  });

  test('a policy that is open lets pass its emergency limit per edge besides, and no more', async () => {
    let admitted = 0;
    await assert(
      asyncProperty(scenario, async ({ limit, windowMs, cost, ...rest }) => {
        const emergency = 5;
        const sim = new Simulation({
          ...rest,
          mostKeys: 1_000,
          document: { limits: { l: { limit, window: `${windowMs}ms`, emergency } } },
          route: { limits: ['l'], cost },
        });
        load(sim, { ms, calls: 250, keys: 2 });
        await sim.time.runUntil(ms);
        admitted += sim.admitted.length;
        for (const calls of byKey(sim.admitted))
          expect(mostInAnyWindow(calls, windowMs)).toBeLessThanOrEqual(limit + sim.edgesStarted * emergency);
        expect(sim.codes.has('unavailable')).toBe(false);
      }),
      some,
    );
    expect(admitted).toBeGreaterThan(0);
  });

  test('a lower limit counts what was used under the higher one', async () => {
    let admitted = 0;
    await assert(
      asyncProperty(scenario, async ({ limit, windowMs, cost, ...rest }) => {
        const limits = (of: number) => ({
          limits: { l: { limit: of, window: `${windowMs}ms`, on_failure: 'closed' as const } },
        });
        const sim = new Simulation({ ...rest, document: limits(3 * limit), route: { limits: ['l'], cost } });
        load(sim, { ms, calls: 250, keys: 2 });
        sim.time.after(ms / 2, () => sim.change(limits(limit)));
        await sim.time.runUntil(ms);
        admitted += sim.admitted.length;
        // Every edge has the new document after a second, and leases end with their slot.
        const settled = ms / 2 + 1_000 + windowMs / 10;
        for (const calls of byKey(sim.admitted)) {
          expect(mostInAnyWindow(calls, windowMs)).toBeLessThanOrEqual(3 * limit);
          for (const { at } of calls.filter((call) => call.at > settled)) {
            const window = calls.filter((call) => call.at > at - windowMs && call.at <= at);
            expect(window.reduce((sum, call) => sum + call.cost, 0)).toBeLessThanOrEqual(limit);
          }
        }
      }),
      some,
    );
    expect(admitted).toBeGreaterThan(0);
  });
});

describe('when the clock of the leading NATS server is set', () => {
  test('at most one more limit passes, around that moment only', async () => {
    await assert(
      asyncProperty(
        scenario,
        integer({ min: -3_600_000, max: 3_600_000 }),
        async ({ limit, windowMs, cost, ...rest }, byMs) => {
          const sim = new Simulation({
            ...rest,
            weather: calm,
            document: { limits: { l: { limit, window: `${windowMs}ms`, on_failure: 'closed' } } },
            route: { limits: ['l'], cost },
          });
          load(sim, { ms: 2 * ms, calls: 400, keys: 2 });
          const at = 0.4 * ms;
          sim.time.after(at, () => sim.nats.setClock(byMs));
          await sim.time.runUntil(2 * ms);
          // A second until every worker has looked at the clock, and the rest of the slot they were in.
          const over = at + 1_100 + windowMs / 10;
          for (const calls of byKey(sim.admitted)) {
            expect(mostInAnyWindow(calls, windowMs)).toBeLessThanOrEqual(2 * limit);
            const before = calls.filter((call) => call.at <= at);
            const after = calls.filter((call) => call.at > over);
            expect(mostInAnyWindow(before, windowMs)).toBeLessThanOrEqual(limit);
            expect(mostInAnyWindow(after, windowMs)).toBeLessThanOrEqual(limit);
            expect(after.length).toBeGreaterThan(0);
          }
        },
      ),
      some,
    );
  });
});

describe('under steady load', () => {
  const limited = (limit: number, windowMs: number) => ({
    document: { limits: { l: { limit, window: `${windowMs}ms` } } },
    route: { limits: ['l'] },
    weather: calm,
  });
  const steady = record({
    seed: integer(),
    edges: integer({ min: 1, max: 3 }),
    workers: integer({ min: 1, max: 3 }),
    limit: integer({ min: 40, max: 200 }),
    windowMs: constantFrom(1_000, 3_000),
  });

  test('above the limit, ten elevenths of it pass, less what lies unspent at the edges', async () => {
    await assert(
      asyncProperty(
        steady,
        double({ min: 1, max: 3, noNaN: true }),
        async ({ limit, windowMs, ...rest }, load) => {
          const sim = new Simulation({ ...limited(limit, windowMs), ...rest });
          const [from, windows] = [1_500, 11];
          const to = from + windows * windowMs;
          steadily(sim, { from, to, perSecond: (load * limit * 1_000) / windowMs });
          await sim.time.runUntil(to);
          expect(sim.admitted.length).toBeGreaterThanOrEqual(0.95 * (10 / 11) * limit * windows);
          expect(sim.admitted.length).toBeLessThanOrEqual(limit * windows);
        },
      ),
      { ...some, numRuns: 12 },
    );
  });

  test('a client that stays below ten elevenths of its limit is not refused', async () => {
    await assert(
      asyncProperty(steady, async ({ limit, windowMs, ...rest }) => {
        const sim = new Simulation({ ...limited(limit, windowMs), ...rest });
        const to = 1_500 + 8 * windowMs;
        // One slot may hold a call more than another.
        const perWindow = ((limit - 11) * 10) / 11;
        steadily(sim, { from: 1_500, to, perSecond: (0.9 * perWindow * 1_000) / windowMs });
        await sim.time.runUntil(to);
        expect(sim.refused).toEqual([]);
      }),
      { ...some, numRuns: 12 },
    );
  });
});

describe('throttled', () => {
  test('calls wait for their turn, in order, as long as the policy says; the limit holds', async () => {
    const sim = new Simulation({
      seed: 1,
      edges: 1,
      workers: 2,
      weather: calm,
      document: { limits: { l: { limit: 20, window: '1s', throttle: { delay: '3s', queue: 30 } } } },
      route: { limits: ['l'] },
    });
    for (let n = 0; n < 60; n++) sim.time.after(1_500 + n, () => sim.call(0, 'k'));
    await sim.time.runUntil(6_000);
    // Twenty at once, thirty wait, ten find the queue full.
    expect([sim.admitted.length, sim.refused.length]).toEqual([50, 10]);
    const arrivals = sim.admitted.map(({ arrivedAt }) => arrivedAt);
    expect(arrivals).toEqual(arrivals.toSorted((a, b) => a - b));
    expect(Math.max(...sim.admitted.map(({ at, arrivedAt }) => at - arrivedAt))).toBeLessThan(3_000);
    expect(Math.max(...sim.refused.map(({ at, arrivedAt }) => at - arrivedAt))).toBeLessThan(50);
    expect(mostInAnyWindow(sim.admitted, 1_000)).toBeLessThanOrEqual(20);
  });

  test('calls that would wait too long are refused at once', async () => {
    const sim = new Simulation({
      seed: 2,
      edges: 1,
      workers: 1,
      weather: calm,
      document: { limits: { l: { limit: 10, window: '2s', throttle: { delay: '300ms' } } } },
      route: { limits: ['l'] },
    });
    for (let n = 0; n < 30; n++) sim.time.after(1_500 + n, () => sim.call(0, 'k'));
    await sim.time.runUntil(6_000);
    expect([sim.admitted.length, sim.refused.length]).toEqual([10, 20]);
    expect(Math.max(...sim.refused.map(({ at, arrivedAt }) => at - arrivedAt))).toBeLessThan(50);
  });
});

describe('with no worker at all', () => {
  test.each([
    ['closed', 0, 'unavailable'],
    ['open', 7, 'too_many_requests'],
  ] as const)('a policy that is %s lets %i calls pass and answers %s', async (onFailure, passes, code) => {
    const sim = new Simulation({
      seed: 3,
      edges: 1,
      workers: 0,
      weather: calm,
      document: { limits: { l: { limit: 100, window: '10s', emergency: 7, on_failure: onFailure } } },
      route: { limits: ['l'] },
    });
    for (let n = 0; n < 40; n++) sim.time.after(1_500 + 10 * n, () => sim.call(0, 'k'));
    await sim.time.runUntil(4_000);
    expect(sim.admitted.length).toBe(passes);
    expect([...sim.codes]).toEqual([[code, 40 - passes]]);
    // One failure decides for a moment: few calls have waited for it.
    expect(sim.nats.messages).toBeLessThan(6);
  });
});
