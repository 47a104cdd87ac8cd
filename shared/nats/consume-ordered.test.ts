import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import {
  connectBus,
  consumeOrdered,
  ensureStream,
  publishStored,
  type Bus,
  type BusEvent,
  type ConsumedMessage,
  type Consumption,
} from './mod.ts';

describe('consumeOrdered', () => {
  let server: TestNats;
  let bus: Bus;
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
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop()));
  });

  const stream = async (name: string, storage: 'file' | 'memory' = 'file'): Promise<void> =>
    ensureStream(bus, { name, subjects: [`${name}.>`], storage, replicas: 1, duplicateWindowMs: 120_000 });

  /** Publishes again what an outage may have swallowed; the id keeps it single. */
  const publish = async (name: string, from: number, to: number): Promise<void> => {
    await Promise.all(
      Array.from({ length: to - from }, async (_, i) => {
        await until(
          () =>
            publishStored(bus, `${name}.x`, String(from + i), {
              msgId: String(from + i),
              deadline: Date.now() + 2_000,
            }).then(
              () => true,
              () => false,
            ),
          { timeoutMs: 20_000 },
        );
      }),
    );
  };

  const consume = async (
    name: string,
    fromSeq: number,
    handler: (batch: ConsumedMessage[]) => Promise<void>,
  ): Promise<Consumption> => {
    const consumption = await consumeOrdered(bus, { stream: name, filter: `${name}.>`, fromSeq }, handler);
    running.push(consumption);
    return consumption;
  };

  const ascending = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => from + i);

  it('gives every message from a sequence on, then those that come', async () => {
    await stream('FROM');
    await publish('FROM', 0, 2_000);
    const seen: number[] = [];
    await consume('FROM', 501, async (batch) => {
      seen.push(...batch.map((message) => message.seq));
    });
    await until(() => seen.length === 1_500);
    await publish('FROM', 2_000, 2_100);
    await until(() => seen.length === 1_600);
    expect(seen).toEqual(ascending(501, 2_101));
  });

  it('gives one batch at a time, and a failed one again', async () => {
    await stream('AGAIN');
    await publish('AGAIN', 0, 100);
    let busy = 0;
    let overlaps = 0;
    let failures = 2;
    const seen: number[] = [];
    await consume('AGAIN', 1, async (batch) => {
      busy += 1;
      if (busy > 1) overlaps += 1;
      await new Promise((resolve) => setImmediate(resolve));
      busy -= 1;
      if (failures-- > 0) throw new Error('on purpose');
      seen.push(...batch.map((message) => message.seq));
    });
    await until(() => seen.length === 100);
    expect(seen).toEqual(ascending(1, 101));
    expect(overlaps).toBe(0);
    expect(events.filter((event) => event.kind === 'handler')).toHaveLength(2);
  });

  it('has no gap and no repetition through crashes of the server while messages pour in', async () => {
    await stream('CRASH');
    const seen: number[] = [];
    await consume('CRASH', 1, async (batch) => {
      seen.push(...batch.map((message) => message.seq));
    });
    for (let round = 0; round < 2; round += 1) {
      const publishing = publish('CRASH', round * 500, round * 500 + 500);
      await until(() => seen.length > round * 500);
      await server.kill();
      await until(() => !bus.connected);
      await server.restart();
      await publishing;
      await until(() => seen.length >= round * 500 + 500, { timeoutMs: 20_000 });
    }
    expect(seen).toEqual(ascending(1, seen.length + 1));
  });

  it('goes on after its consumer was deleted', async () => {
    await stream('GONE');
    const seen: number[] = [];
    await consume('GONE', 1, async (batch) => {
      seen.push(...batch.map((message) => message.seq));
    });
    await publish('GONE', 0, 10);
    await until(() => seen.length === 10);
    const names = await bus.request('$JS.API.CONSUMER.NAMES.GONE', '', { deadline: Date.now() + 5_000 });
    const { consumers } = names.json() as { consumers: string[] };
    expect(consumers).toHaveLength(1);
    await bus.request(`$JS.API.CONSUMER.DELETE.GONE.${consumers[0]}`, '', { deadline: Date.now() + 5_000 });
    await publish('GONE', 10, 20);
    await until(() => seen.length === 20, { timeoutMs: 20_000 });
    expect(seen).toEqual(ascending(1, 21));
  });

  it('starts over with a memory stream that was lost and made anew', async () => {
    await stream('MEMORY', 'memory');
    await publish('MEMORY', 0, 50);
    const seen: number[] = [];
    await consume('MEMORY', 1, async (batch) => {
      seen.push(...batch.map((message) => message.seq));
    });
    await until(() => seen.length === 50);
    await server.restart();
    await until(() => bus.connected);
    await stream('MEMORY', 'memory');
    await publish('MEMORY', 0, 5);
    await until(() => seen.length === 55, { timeoutMs: 20_000 });
    expect(seen.slice(50)).toEqual([1, 2, 3, 4, 5]);
  });

  it('leaves no consumer behind when stopped', async () => {
    await stream('STOP');
    const consumption = await consume('STOP', 1, () => Promise.resolve());
    await consumption.stop();
    const names = await bus.request('$JS.API.CONSUMER.NAMES.STOP', '', { deadline: Date.now() + 5_000 });
    expect((names.json() as { consumers: string[] | null }).consumers ?? []).toEqual([]);
  });
});
