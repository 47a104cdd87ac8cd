import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { connectBus, holdLease, openBucket, type Bus, type BusEvent, type Lease } from './mod.ts';

/** One process that wants the lease. */
interface Contender {
  readonly name: string;
  readonly bus: Bus;
  lease: Lease;
}

describe('a lease', () => {
  let server: TestNats;
  let lease: string;
  let count = 0;
  let contenders: Contender[] = [];
  /** Who holds it by what the handlers were told, and every change of it. */
  let holding: Set<string>;
  let history: string[];
  let overlaps: number;
  const events: BusEvent[] = [];
  const ttlMs = 3_000;

  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    lease = `role.${(count += 1)}`;
    holding = new Set();
    history = [];
    overlaps = 0;
    events.length = 0;
  });
  afterEach(async () => {
    await Promise.all(contenders.map((each) => each.lease.release()));
    await Promise.all(contenders.map((each) => each.bus.close()));
    contenders = [];
  });

  async function contend(
    name: string,
    handlers: { onAcquired?(): void; onLost?(): Promise<void> } = {},
  ): Promise<Contender> {
    const bus = await connectBus({ servers: [server.url], name, report: (event) => events.push(event) });
    const held = await holdLease(
      bus,
      { name: lease, ttlMs, holder: name },
      {
        onAcquired: () => {
          holding.add(name);
          history.push(`+${name}`);
          if (holding.size > 1) overlaps += 1;
          handlers.onAcquired?.();
        },
        onLost: async () => {
          await handlers.onLost?.();
          holding.delete(name);
          history.push(`-${name}`);
        },
      },
    );
    const contender = { name, bus, lease: held };
    contenders.push(contender);
    return contender;
  }

  const holder = async (timeoutMs = 10_000): Promise<Contender> => {
    await until(() => holding.size === 1, { timeoutMs });
    const found = contenders.find((each) => holding.has(each.name));
    if (found === undefined) throw new Error('nobody holds the lease');
    return found;
  };

  it('has one holder among many, who keeps it', async () => {
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => contend(name)));
    const first = await holder();
    expect(contenders.filter((each) => each.lease.held)).toEqual([first]);
    // Longer than its time to live: it is renewed.
    const later = performance.now() + ttlMs * 1.5;
    await until(() => performance.now() > later);
    expect(history).toEqual([`+${first.name}`]);
    expect(first.lease.held).toBe(true);
  });

  it('passes on at once when released, after the work of the holder has ended', async () => {
    const gate = Promise.withResolvers<void>();
    const first = await contend('first', { onLost: () => gate.promise });
    await contend('second');
    expect((await holder()).name).toBe('first');
    const releasing = first.lease.release();
    // Longer than the time to live: the key is renewed while the holder winds up its work.
    const later = performance.now() + ttlMs * 1.5;
    await until(() => performance.now() > later);
    expect(history).toEqual(['+first']);
    gate.resolve();
    await releasing;
    await until(() => holding.has('second'), { timeoutMs: ttlMs / 3 });
    expect(history).toEqual(['+first', '-first', '+second']);
    expect(first.lease.held).toBe(false);
  });

  it('passes on when the holder is cut off, who is told before', async () => {
    const first = await contend('first');
    await contend('second');
    expect((await holder()).name).toBe('first');
    // Its process is as good as dead: it cannot renew.
    await first.bus.close();
    await until(() => holding.has('second'), { timeoutMs: 10_000 });
    expect(history).toEqual(['+first', '-first', '+second']);
    expect(overlaps).toBe(0);
  });

  it('stays with its holder through a short restart of the server', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => contend(name)));
    const first = await holder();
    await server.restart();
    await until(() => contenders.every((each) => each.bus.connected));
    const later = performance.now() + ttlMs * 1.5;
    await until(() => performance.now() > later);
    expect(overlaps).toBe(0);
    expect(history).toEqual([`+${first.name}`]);
  });

  it('is lost, and told so, in an outage longer than its time to live, and held again afterwards', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => contend(name)));
    const first = await holder();
    await server.kill();
    await until(() => history.length === 2);
    expect(history[1]).toBe(`-${first.name}`);
    expect(contenders.some((each) => each.lease.held)).toBe(false);
    await server.restart();
    await holder(20_000);
    expect(overlaps).toBe(0);
  });

  it('is given up by a holder whose start fails, and tried for again', async () => {
    let failures = 1;
    await contend('fails', {
      onAcquired: () => {
        holding.delete('fails');
        if (failures-- > 0) throw new Error('on purpose');
        holding.add('fails');
      },
    });
    await until(() => history.filter((each) => each === '+fails').length === 2);
    expect((await holder()).lease.held).toBe(true);
    expect(events.filter((event) => event.kind === 'handler')).toHaveLength(1);
  });

  it('is lost when somebody takes the key away', async () => {
    const first = await contend('first');
    await holder();
    const bucket = await openBucket(first.bus, { name: 'leases' });
    await bucket.put(lease, 'a person with the command line');
    await until(() => history.includes('-first'));
    expect(first.lease.held).toBe(false);
    await bucket.delete(lease);
    await until(() => history.filter((each) => each === '+first').length === 2);
  });

  it('does not count as held while its holder stood still for longer than its time', async () => {
    const first = await contend('first');
    await holder();
    expect(first.lease.held).toBe(true);
    const later = performance.now() + ttlMs;
    // A process that is paused: no timer runs, no message is read.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ttlMs);
    expect(performance.now()).toBeGreaterThanOrEqual(later);
    expect(first.lease.held).toBe(false);
    expect(history).toEqual(['+first']);
    // As soon as it runs again it is told, then it may have it again.
    await until(() => history.length >= 3);
    expect(history.slice(0, 3)).toEqual(['+first', '-first', '+first']);
  });
});
