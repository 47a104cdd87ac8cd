import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, publishStored, type Bus } from '@sluice/nats';
import { startNatsServer, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { History, type Past } from './history.ts';

/** Events that the stream keeps per channel. */
const kept = 5;

let nats: TestNats;
let bus: Bus;

beforeAll(async () => {
  nats = await startNatsServer();
  bus = await connectBus({ servers: [nats.url], name: 'history under test' });
  await ensureStream(bus, liveStream(1, kept));
});

afterAll(async () => {
  await bus.close();
  await nats.stop();
});

/** Publishes one event to each of these channels in turn; gives their sequences. */
async function publish(...channels: string[]): Promise<number[]> {
  const seqs: number[] = [];
  for (const channel of channels) {
    const { seq } = await publishStored(bus, `live.in.${channel}`, '{}', { deadline: Date.now() + 5_000 });
    seqs.push(seq);
  }
  return seqs;
}

function historyOf(name: string): History {
  return new History({ bus, history: kept }, name);
}

function links(past: Past | null): (readonly [number, number | null])[] | undefined {
  return past?.events.map(({ seq, prev }) => [seq, prev] as const);
}

describe('the history of a channel', () => {
  it('is empty and whole before its first event', async () => {
    const past = await historyOf('h.none').read({ name: 'h.none', from: 1, reach: 0 });
    expect(past).toEqual({ events: [], end: 0, whole: true });
  });

  it('is whole, with every predecessor, while nothing was dropped', async () => {
    const [a, b] = (await publish('h.few', 'h.few')) as [number, number];
    const past = await historyOf('h.few').read({ name: 'h.few', from: 1, reach: b });
    expect(past).toMatchObject({ end: b, whole: true });
    expect(links(past)).toEqual([
      [a, 0],
      [b, a],
    ]);
  });

  it('does not know what was before a sequence in its middle', async () => {
    const [a, b, c] = (await publish('h.part', 'h.part', 'h.part')) as [number, number, number];
    const past = await historyOf('h.part').read({ name: 'h.part', from: a + 1, reach: c });
    expect(links(past)).toEqual([
      [b, null],
      [c, b],
    ]);
  });

  it('is not whole when the stream keeps no more than was found', async () => {
    const seqs = await publish(...Array.from({ length: kept + 1 }, () => 'h.many'));
    const past = await historyOf('h.many').read({ name: 'h.many', from: 1, reach: seqs.at(-1) ?? 0 });
    expect(past?.whole).toBe(false);
    expect(links(past)?.[0]).toEqual([seqs[1], null]);
  });
});

describe('the history of a pattern', () => {
  it('has the newest event of every channel', async () => {
    const [, b, c] = (await publish('n.one', 'n.one', 'n.two')) as [number, number, number];
    const past = await historyOf('n.*').newest();
    expect(past.events.map(({ channel, seq }) => [channel, seq])).toEqual([
      ['n.one', b],
      ['n.two', c],
    ]);
    expect(past.end).toBe(c);
  });

  it('is whole while no single channel may have lost one, however many there are of all', async () => {
    const names = Array.from({ length: kept * 2 }, (_, i) => `w.${i % 3}`);
    const seqs = await publish(...names);
    const end = seqs.at(-1) ?? 0;
    expect(await historyOf('w.*').read({ name: 'w.*', from: 1, reach: end })).toMatchObject({ whole: true });
    await publish(...Array.from({ length: kept }, () => 'w.0'));
    expect(await historyOf('w.*').read({ name: 'w.*', from: 1, reach: end })).toMatchObject({ whole: false });
  });

  it('can be read for one of its channels', async () => {
    const [a, , c] = (await publish('o.one', 'o.two', 'o.one')) as [number, number, number];
    const past = await historyOf('o.*').read({ name: 'o.one', from: 1, reach: c });
    expect(links(past)).toEqual([
      [a, 0],
      [c, a],
    ]);
  });
});

describe('an answer that does not reach what is known to be stored', () => {
  it('is asked for again until it does', async () => {
    const [a] = (await publish('s.late')) as [number];
    let asked = 0;
    const reading = historyOf('s.late').read({
      name: 's.late',
      from: 1,
      reach: a + 1,
      unwanted: () => {
        // Asked after every answer that falls short: what was missing arrives after the first.
        if (asked++ === 0) void publish('s.late');
        return false;
      },
    });
    expect(links(await reading)).toEqual([
      [a, 0],
      [a + 1, a],
    ]);
    expect(asked).toBeGreaterThan(0);
  });

  it('is given up after a while', async () => {
    const [a] = (await publish('s.never')) as [number];
    expect(await historyOf('s.never').read({ name: 's.never', from: 1, reach: a + 1 })).toBeNull();
  });

  it('is given up at once when nobody wants it any more', async () => {
    const [a] = (await publish('s.unwanted')) as [number];
    let asked = 0;
    const unwanted = (): boolean => ++asked === 1;
    const history = historyOf('s.unwanted');
    expect(await history.read({ name: 's.unwanted', from: 1, reach: a + 1, unwanted })).toBeNull();
    expect(asked).toBe(1);
  });
});
