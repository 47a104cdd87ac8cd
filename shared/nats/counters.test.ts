import { startNatsServer, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bus } from './bus.ts';
import { connectBus } from './connect.ts';
import { countersOf, openCounters, type Counters } from './counters.ts';

let nats: TestNats;
let bus: Bus;
let counters: Counters;
const soon = () => ({ deadline: Date.now() + 30_000 });
const spec = { name: 'counted', maxAgeMs: 600_000 };

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
  counters = await openCounters(bus, spec);
});
afterAll(async () => {
  await bus.close();
  await nats.stop();
});

describe('counters', () => {
  it('add up, whoever adds, and take away', async () => {
    const totals = await Promise.all(Array.from({ length: 50 }, () => counters.increment('a.1', 3, soon())));
    expect(totals.map(({ total }) => total).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, i) => 3 * (i + 1)),
    );
    expect((await counters.increment('a.1', -150, soon())).total).toBe(0);
    expect((await counters.increment('a.1', -1, soon())).total).toBe(-1);
  });

  it('are read together, the absent ones left out, each with the sequence of its last addition', async () => {
    const one = await counters.increment('b.1', 7, soon());
    const two = await counters.increment('b.2', 8, soon());
    const found = await counters.read(['b.1', 'b.2', 'b.3'], { waitMs: 30_000 });
    expect([...found]).toEqual([
      ['b.1', one],
      ['b.2', two],
    ]);
    expect(two.seq).toBe(one.seq + 1);
    expect(await counters.read(['b.3'], { waitMs: 30_000 })).toEqual(new Map());
  });

  it('come with the clock of the server, to parts of a millisecond', async () => {
    const before = Date.now();
    const looks = [];
    for (let i = 0; i < 5; i++) looks.push(await counters.serverTime());
    // The server runs on this machine: its clock is ours, to the millisecond that Date cuts off.
    for (const { timeMs } of looks) {
      expect(timeMs).toBeGreaterThanOrEqual(before);
      expect(timeMs).toBeLessThanOrEqual(Date.now() + 1);
    }
    for (const { sentAt, receivedAt } of looks) expect(receivedAt).toBeGreaterThan(sentAt);
    expect(looks.some(({ timeMs }) => timeMs % 1 !== 0)).toBe(true);
  });

  it('cannot be had from a bucket that does not count', async () => {
    const answer = await bus.request(
      '$JS.API.STREAM.CREATE.KV_plain',
      JSON.stringify({ name: 'KV_plain', subjects: ['$KV.plain.>'] }),
      soon(),
    );
    expect(answer.json()).not.toHaveProperty('error');
    await expect(openCounters(bus, { name: 'plain', maxAgeMs: 600_000 })).rejects.toMatchObject({
      kind: 'rejected',
    });
  });

  it('survive a server that is killed', async () => {
    await counters.increment('c', 1_000_000_000_000, soon());
    await nats.kill();
    await nats.restart();
    const again = await connectBus({ servers: [nats.url], name: 'test' });
    const opened = await openCounters(again, spec);
    expect((await opened.increment('c', 1, soon())).total).toBe(1_000_000_000_001);
    const read = await countersOf(again, 'counted').read(['c'], { waitMs: 30_000 });
    expect(read.get('c')?.total).toBe(1_000_000_000_001);
    await again.close();
  });
});
