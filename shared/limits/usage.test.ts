import { connectBus, openCounters, type Bus } from '@sluice/nats';
import { startNatsServer, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usageBucket } from './buckets.ts';
import { periodAt } from './period.ts';
import { readUsage } from './usage.ts';

let nats: TestNats;
let bus: Bus;
beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
});
afterAll(async () => {
  await bus.close();
  await nats.stop();
});

const now = Date.UTC(2026, 10, 30, 23, 59, 59, 999);
const document = {
  quotas: {
    daily: { limit: 100, period: 'day', on_failure: 'open' },
    monthly: { limit: 1_000, period: 'month', on_failure: 'open' },
  },
} as const;
const acme = { id: 'acme', quotas: ['monthly', 'daily', 'gone'] };

describe('usage', () => {
  it('is none while nobody has counted anything, and then what the counters say', async () => {
    expect((await readUsage(bus, acme, document, now)).map(({ used }) => used)).toEqual([0, 0]);
    const counters = await openCounters(bus, usageBucket);
    const soon = { deadline: Date.now() + 30_000 };
    await counters.increment('acme.daily.2026-11-30', 7, soon);
    await counters.increment('acme.monthly.2026-11', 70, soon);
    await counters.increment('acme.monthly.2026-12', 1, soon);
    await counters.increment('other.daily.2026-11-30', 5, soon);
    expect(await readUsage(bus, acme, document, now)).toEqual([
      {
        quota: 'monthly',
        period: 'month',
        start: Date.UTC(2026, 10, 1),
        end: Date.UTC(2026, 11, 1),
        limit: 1_000,
        used: 70,
      },
      {
        quota: 'daily',
        period: 'day',
        start: Date.UTC(2026, 10, 30),
        end: Date.UTC(2026, 11, 1),
        limit: 100,
        used: 7,
      },
    ]);
    expect((await readUsage(bus, acme, document, now + 1)).map(({ used }) => used)).toEqual([1, 0]);
  });
});

describe('periods', () => {
  it.each([
    [Date.UTC(2024, 1, 28, 23, 59, 59, 999), '2024-02-28', '2024-02', 29],
    [Date.UTC(2024, 1, 29), '2024-02-29', '2024-02', 29],
    [Date.UTC(2026, 11, 31, 12), '2026-12-31', '2026-12', 31],
    [Date.UTC(2027, 0, 1), '2027-01-01', '2027-01', 31],
  ])('of %i are the calendar’s, UTC', (time, day, month, days) => {
    expect(periodAt(time, 'day')).toMatchObject({ name: day });
    const { name, start, end } = periodAt(time, 'month');
    expect([name, (end - start) / 86_400_000]).toEqual([month, days]);
    expect(start <= time && time < end).toBe(true);
  });
});
