import { BusError, connectBus, ensureStream, readFrom, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Publisher, type Outgoing } from './publisher.ts';

let nats: TestNats;
let bus: Bus;
let unsure: string[];
let troubles: unknown[];

const stream = {
  name: 'OUT',
  subjects: ['out.>'],
  storage: 'file',
  replicas: 1,
  duplicateWindowMs: 120_000,
} as const;

beforeEach(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'test' });
  unsure = [];
  troubles = [];
});

afterEach(async () => {
  await bus.close(1_000);
  await nats.stop();
});

function publisher(repair: () => Promise<readonly Outgoing[]>): Publisher {
  return new Publisher({
    bus,
    window: 64,
    repair,
    onUnsure: (subject) => unsure.push(subject),
    onTrouble: (error) => troubles.push(error),
    onStored: () => {},
  });
}

async function stored(): Promise<string[]> {
  const messages = await readFrom(bus, 'OUT', 'out.>', 1, { limit: 10_000 });
  return messages.map(({ data }) => Buffer.from(data).toString());
}

describe('Publisher', () => {
  it('makes the stream through its repair, and loses nothing that must arrive', async () => {
    const publishing = publisher(async () => {
      await ensureStream(bus, stream);
      return [{ subject: 'out.first', text: 'first', msgId: 'first' }];
    });
    for (let i = 0; i < 300; i++) publishing.publish({ subject: 'out.a', text: `${i}`, msgId: `${i}` });
    publishing.publish({ subject: 'out.state', text: 'state' });
    await publishing.flushed();
    expect(await stored()).toEqual(['first', ...Array.from({ length: 300 }, (_, i) => `${i}`), 'state']);
    expect(troubles[0]).toBeInstanceOf(BusError);
  });

  it('goes on in order through a restart of the server', { timeout: 60_000 }, async () => {
    await ensureStream(bus, stream);
    const publishing = publisher(async () => {
      await ensureStream(bus, stream);
      return [];
    });
    const count = 20_000;
    let i = 0;
    const pour = async (upTo: number): Promise<void> => {
      for (; i < upTo; i++) {
        if (publishing.pending > 500) await publishing.room(250);
        publishing.publish({ subject: 'out.a', text: `${i}`, msgId: `${i}` });
      }
    };
    await pour(5_000);
    const pouring = pour(count);
    await nats.restart();
    await pouring;
    await publishing.flushed();
    expect(await stored().then((all) => all.length)).toBeGreaterThan(9_999);
    const all = await readFrom(bus, 'OUT', 'out.>', 1, { limit: count + 10 });
    expect(all.map(({ data }) => Number(Buffer.from(data).toString()))).toEqual(
      Array.from({ length: count }, (_, n) => n),
    );
  });

  it('says where states did not arrive, and where older messages went out again', async () => {
    let made = false;
    const publishing = publisher(async () => {
      if (!made) await ensureStream(bus, stream);
      made = true;
      return [];
    });
    publishing.publish({ subject: 'out.ticker', text: 'old' });
    publishing.publish({ subject: 'out.candle', text: 'closed', msgId: 'closed' });
    publishing.publish({ subject: 'out.candle', text: 'next' });
    await publishing.flushed();
    expect(unsure).toEqual(['out.ticker', 'out.candle']);
    expect(await stored()).toEqual(['closed']);
  });

  it('lets everybody go who waits when it is stopped', async () => {
    const publishing = publisher(() => Promise.reject(new Error('no repair')));
    publishing.publish({ subject: 'out.a', text: 'x', msgId: 'x' });
    await until(() => troubles.length > 1);
    const waiting = Promise.all([publishing.flushed(), publishing.room(0)]);
    publishing.stop();
    await waiting;
    expect(publishing.pending).toBe(0);
  });
});
