import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import {
  connectBus,
  consumeBatches,
  ensureStream,
  publishStored,
  type BatchOptions,
  type Bus,
  type BusEvent,
  type ConsumedMessage,
  type Consumption,
} from './mod.ts';

describe('consumeBatches', () => {
  let server: TestNats;
  let bus: Bus;
  let stream: string;
  let count = 0;
  const events: BusEvent[] = [];
  const running: Consumption[] = [];

  beforeAll(async () => {
    server = await startNatsServer();
    bus = await connectBus({ servers: [server.url], name: 'test', report: (event) => events.push(event) });
  });
  afterAll(async () => {
    await bus.close();
    await server.stop();
  });
  beforeEach(async () => {
    stream = `S${(count += 1)}`;
    events.length = 0;
    await ensureStream(bus, { name: stream, subjects: [`${stream}.>`], storage: 'file', replicas: 1 });
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop()));
  });

  const publish = async (from: number, to: number): Promise<void> => {
    const all = Array.from({ length: to - from }, (_, i) =>
      publishStored(bus, `${stream}.x`, String(from + i), { deadline: Date.now() + 10_000 }),
    );
    await Promise.all(all);
  };

  const consume = async (
    handler: (batch: ConsumedMessage[]) => Promise<void>,
    options: Partial<BatchOptions> = {},
    on = bus,
  ): Promise<Consumption> => {
    const consumption = await consumeBatches(
      on,
      {
        stream,
        durable: 'reader',
        filter: `${stream}.>`,
        maxBatch: 100,
        maxWaitMs: 20,
        ackWaitMs: 10_000,
        ...options,
      },
      handler,
    );
    running.push(consumption);
    return consumption;
  };

  const text = (message: ConsumedMessage): string => Buffer.from(message.data).toString();
  const numbers = (to: number): string[] => Array.from({ length: to }, (_, i) => String(i));

  /** What the server still waits for: messages not delivered, and delivered without a verdict. */
  const left = async (): Promise<number> => {
    const answer = await bus.request(`$JS.API.CONSUMER.INFO.${stream}.reader`, '', {
      deadline: Date.now() + 5_000,
    });
    const info = answer.json() as { num_pending: number; num_ack_pending: number };
    return info.num_pending + info.num_ack_pending;
  };

  it('gives everything once and in order, in batches up to the limit', async () => {
    await publish(0, 1_000);
    const sizes: number[] = [];
    const seen: string[] = [];
    await consume(async (batch) => {
      sizes.push(batch.length);
      seen.push(...batch.map(text));
    });
    await until(() => seen.length === 1_000);
    expect(seen).toEqual(numbers(1_000));
    expect(Math.max(...sizes)).toBe(100);
    await until(async () => (await left()) === 0);
  });

  it('gives the facts of a message', async () => {
    const before = Date.now();
    await publishStored(bus, `${stream}.fact`, 'x', {
      deadline: Date.now() + 5_000,
      headers: ['Kind', 'first'],
    });
    const seen: ConsumedMessage[] = [];
    await consume(async (batch) => {
      seen.push(...batch);
    });
    await until(() => seen.length === 1);
    expect(seen[0]).toMatchObject({ subject: `${stream}.fact`, seq: 1, redelivered: false });
    expect(seen[0]?.header('Kind')).toBe('first');
    expect(seen[0]?.timeMs).toBeGreaterThanOrEqual(before - 1);
    expect(seen[0]?.timeMs).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('does not wait for a full batch longer than told', async () => {
    const sizes: number[] = [];
    await consume(async (batch) => {
      sizes.push(batch.length);
    });
    await publish(0, 3);
    await until(() => sizes.reduce((a, b) => a + b, 0) === 3);
    await publish(3, 4);
    await until(() => sizes.reduce((a, b) => a + b, 0) === 4);
  });

  it('acknowledges only when the handler has ended', async () => {
    await publish(0, 50);
    const gate = Promise.withResolvers<void>();
    let started = false;
    await consume(async () => {
      started = true;
      await gate.promise;
    });
    await until(() => started);
    await bus.flush();
    expect(await left()).toBe(50);
    gate.resolve();
    await until(async () => (await left()) === 0);
  });

  it('gives a failed batch again, waits longer each time, and reports every failure', async () => {
    await publish(0, 10);
    const times: number[] = [];
    const redelivered: boolean[] = [];
    const seen: string[] = [];
    await consume(async (batch) => {
      times.push(performance.now());
      redelivered.push(...batch.map((message) => message.redelivered));
      if (times.length <= 3) throw new Error('the database is away');
      seen.push(...batch.map(text));
    });
    await until(() => seen.length === 10);
    expect(seen).toEqual(numbers(10));
    expect(redelivered.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => false));
    expect(redelivered.slice(-10)).toEqual(Array.from({ length: 10 }, () => true));
    const gaps = times.slice(1, 4).map((time, i) => time - (times[i] ?? 0));
    expect(gaps[0]).toBeGreaterThanOrEqual(95);
    expect(gaps[1]).toBeGreaterThanOrEqual(190);
    expect(gaps[2]).toBeGreaterThanOrEqual(380);
    expect(events.filter((event) => event.kind === 'handler')).toHaveLength(3);
    await until(async () => (await left()) === 0);
  });

  it('loses nothing in a long outage behind it while messages go on arriving', async () => {
    let away = true;
    const stored = new Set<string>();
    await consume(
      async (batch) => {
        if (away) throw new Error('the database is away');
        for (const message of batch) stored.add(text(message));
      },
      { ackWaitMs: 1_000, maxAckPending: 300 },
    );
    await publish(0, 500);
    // Long enough for acknowledgement waits to run out and for deliveries to be repeated.
    await until(() => events.length >= 4);
    await publish(500, 1_000);
    away = false;
    await until(() => stored.size === 1_000, { timeoutMs: 20_000 });
    await until(async () => (await left()) === 0);
  });

  it('keeps a batch whose handler takes longer than the acknowledgement wait', async () => {
    await publish(0, 10);
    const other = await connectBus({ servers: [server.url], name: 'other' });
    const deliveries: string[] = [];
    const gate = Promise.withResolvers<void>();
    const handler = async (batch: ConsumedMessage[]): Promise<void> => {
      deliveries.push(...batch.map(text));
      await gate.promise;
    };
    const options = { ackWaitMs: 1_000 };
    await consume(handler, options);
    await until(() => deliveries.length === 10);
    await consume(handler, options, other);
    // Three waits: without a sign of life the other replica would have got them by now.
    const until3 = performance.now() + 3_000;
    await until(() => performance.now() > until3);
    expect(deliveries).toHaveLength(10);
    gate.resolve();
    await until(async () => (await left()) === 0);
    await Promise.all(running.splice(0).map((each) => each.stop()));
    await other.close();
  });

  it('never gives a rejected message again', async () => {
    await publish(0, 3);
    let tries = 0;
    const seen: string[] = [];
    await consume(async (batch) => {
      tries += 1;
      for (const message of batch) {
        if (text(message) === '1') message.reject('not\r\nreadable');
        else seen.push(text(message));
      }
      if (tries === 1) throw new Error('the others failed');
    });
    await until(async () => (await left()) === 0);
    expect(tries).toBe(2);
    expect(seen).toEqual(['0', '2', '0', '2']);
  });

  it('shares the messages among replicas', async () => {
    const others = await Promise.all(['b', 'c'].map((name) => connectBus({ servers: [server.url], name })));
    const seen = [bus, ...others].map(() => [] as string[]);
    for (const [i, each] of [bus, ...others].entries())
      await consume(
        async (batch) => {
          seen[i]?.push(...batch.map(text));
        },
        { maxBatch: 10 },
        each,
      );
    await publish(0, 3_000);
    await until(() => seen.flat().length >= 3_000);
    await until(async () => (await left()) === 0);
    expect(seen.flat().sort()).toEqual(numbers(3_000).sort());
    for (const each of seen) expect(each.length).toBeGreaterThan(0);
    await Promise.all(running.splice(0).map((each) => each.stop()));
    await Promise.all(others.map((each) => each.close()));
  });

  it('stops after the batch under way and hands back what it had fetched', async () => {
    await publish(0, 300);
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    const first = await consume(async (batch) => {
      seen.push(...batch.map(text));
      await gate.promise;
    });
    await until(() => seen.length === 100);
    const stopping = first.stop();
    gate.resolve();
    await stopping;
    expect(seen).toHaveLength(100);
    // Handed back, not left to run into the acknowledgement wait of ten seconds.
    await consume(async (batch) => {
      seen.push(...batch.map(text));
    });
    await until(() => seen.length >= 300, { timeoutMs: 5_000 });
    expect(seen.sort()).toEqual(numbers(300).sort());
  });

  it('starts with new messages where told so', async () => {
    await publish(0, 5);
    const seen: string[] = [];
    await consume(
      async (batch) => {
        seen.push(...batch.map(text));
      },
      { deliver: 'new' },
    );
    await publish(5, 8);
    await until(() => seen.length === 3);
    expect(seen).toEqual(['5', '6', '7']);
  });

  it('goes on after the server was killed, and after its consumer was deleted', async () => {
    const seen = new Set<string>();
    await consume(
      async (batch) => {
        for (const message of batch) seen.add(text(message));
      },
      { ackWaitMs: 2_000 },
    );
    await publish(0, 200);
    await until(() => seen.size === 200);
    await server.kill();
    await until(() => !bus.connected);
    await server.restart();
    await until(() => bus.connected);
    await until(() =>
      publish(200, 400).then(
        () => true,
        () => false,
      ),
    );
    await until(() => seen.size === 400);
    await bus.request(`$JS.API.CONSUMER.DELETE.${stream}.reader`, '', { deadline: Date.now() + 5_000 });
    await publish(400, 600);
    await until(() => seen.size === 600, { timeoutMs: 20_000 });
  });

  it('refuses to start on a stream that is not there', async () => {
    stream = 'MISSING';
    await expect(consume(() => Promise.resolve())).rejects.toMatchObject({ kind: 'rejected' });
  });
});
