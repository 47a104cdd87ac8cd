import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, publishStored, type Bus, type BusStatus } from '@sluice/nats';
import { Registry } from '@sluice/telemetry';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Feed } from './feed.ts';
import { Hub } from './hub.ts';
import { liveMetrics } from './metrics.ts';

/** The way between NATS and an edge, with what can happen on it. */
class Way {
  readonly bus: Bus;
  /** Payloads that get lost on it. */
  readonly lost = new Set<string>();
  /** Messages that have arrived. */
  arrived = 0;
  readonly #listeners = new Set<(status: BusStatus) => void>();
  #connected = true;
  #held: PromiseWithResolvers<void> | undefined;
  /** Questions that wait for an answer since `holdAnswers`. */
  waiting = 0;

  constructor(real: Bus) {
    const own: Partial<Bus> = {
      onStatus: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      subscribe: (subject, handler, options) =>
        real.subscribe(
          subject,
          (message) => {
            if (!this.#connected || this.lost.has(message.text())) return;
            this.arrived += 1;
            return handler(message);
          },
          options,
        ),
      requestMany: (subject, payload, options) =>
        this.#ask(() => real.requestMany(subject, payload, options)),
    };
    const get = (_: Bus, name: keyof Bus): unknown => {
      if (name === 'connected') return this.#connected;
      const value = own[name] ?? real[name];
      return typeof value === 'function' && !(name in own) ? value.bind(real) : value;
    };
    this.bus = new Proxy(real, { get: get as ProxyHandler<Bus>['get'] & {} });
  }

  holdAnswers(): void {
    this.waiting = 0;
    this.#held = Promise.withResolvers();
  }

  giveAnswers(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** What is asked and not answered stays so. */
  disconnect(): void {
    this.#connected = false;
    for (const listener of this.#listeners) listener('disconnected');
    this.#held?.reject(new Error('disconnected'));
    this.#held = undefined;
  }

  reconnect(): void {
    this.#connected = true;
    for (const listener of this.#listeners) listener('connected');
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    this.waiting += 1;
    await this.#held?.promise;
    return question();
  }
}

let nats: TestNats;
let real: Bus;
let publisher: Bus;
let way: Way;
let registry: Registry;
let hub: Hub;

beforeEach(async () => {
  nats = await startNatsServer();
  real = await connectBus({ servers: [nats.url], name: 'edge under test' });
  publisher = await connectBus({ servers: [nats.url], name: 'publisher' });
  await ensureStream(publisher, liveStream(1, 100_000));
  way = new Way(real);
  registry = new Registry();
  hub = new Hub({
    bus: way.bus,
    logger: pino({ level: 'silent' }),
    metrics: liveMetrics(registry),
    replicas: 1,
    history: 100_000,
    maxBytes: 192 * 1024 * 1024,
    onChange: () => {},
  });
});

afterEach(async () => {
  hub.close();
  await Promise.all([real.close(1_000), publisher.close(1_000)]);
  await nats.stop();
});

/** Publishes a number to a channel of namespace `team`; gives its sequence. */
async function send(channel: string, n: number): Promise<number> {
  const { seq } = await publishStored(publisher, `live.in.team.${channel}`, String(n), {
    deadline: Date.now() + 10_000,
  });
  return seq;
}

/** Follows `team.>`: what its subscriber gets, each event as channel, number, sequence and predecessor. */
async function follow(): Promise<{
  feed: Feed;
  got: [string, unknown, number, number | null][];
  resyncs: () => number;
}> {
  const feed = hub.feed('team.>');
  await until(() => feed.live);
  const got: [string, unknown, number, number | null][] = [];
  let resyncs = 0;
  feed.join(
    {
      name: 'team.>',
      policy: { pattern: '*.>', overflow: 'queue' },
      skip: 0,
      subscriber: {
        deliver: ({ events }) => {
          for (const { channel, content, seq, prev } of events) got.push([channel, content.value, seq, prev]);
        },
        resync: () => (resyncs += 1),
        notify: () => {},
      },
    },
    { events: [] },
  );
  return { feed, got, resyncs: () => resyncs };
}

describe('a pattern, when the connection to NATS is lost', () => {
  it('gets the events of a gap that was being filled', async () => {
    const { feed, got, resyncs } = await follow();
    const first = await send('a', 1);
    await send('b', 2);
    way.lost.add('3');
    const third = await send('a', 3);
    await send('b', 4);
    await until(() => got.length === 3);
    way.holdAnswers();
    const fifth = await send('a', 5);
    await until(() => way.waiting > 0);
    way.disconnect();
    way.reconnect();
    await until(() => feed.live && got.length === 5);
    expect(got.filter(([channel]) => channel === 'team.a')).toEqual([
      ['team.a', 1, first, 0],
      ['team.a', 3, third, first],
      ['team.a', 5, fifth, third],
    ]);
    expect(resyncs()).toBe(0);
  });

  it('gets an event that nobody had missed yet', async () => {
    const { feed, got, resyncs } = await follow();
    const first = await send('a', 1);
    way.lost.add('2').add('3');
    const second = await send('a', 2);
    const third = await send('new', 3);
    await send('b', 4);
    await until(() => got.length === 2);
    way.disconnect();
    const fifth = await send('a', 5);
    const sixth = await send('new', 6);
    await send('other', 7);
    way.reconnect();
    await until(() => feed.live && got.length === 7);
    expect(got.filter(([channel]) => channel === 'team.a')).toEqual([
      ['team.a', 1, first, 0],
      ['team.a', 2, second, first],
      ['team.a', 5, fifth, second],
    ]);
    expect(got.filter(([channel]) => channel === 'team.new')).toEqual([
      ['team.new', 3, third, 0],
      ['team.new', 6, sixth, third],
    ]);
    expect(resyncs()).toBe(0);
  });

  it('goes on where it was, with no more than what came meanwhile', async () => {
    const { feed, got, resyncs } = await follow();
    const first = await send('a', 1);
    const second = await send('b', 2);
    await until(() => got.length === 2);
    way.disconnect();
    const third = await send('a', 3);
    const fourth = await send('c', 4);
    way.reconnect();
    await until(() => feed.live && got.length === 4);
    expect(got).toEqual([
      ['team.a', 1, first, 0],
      ['team.b', 2, second, 0],
      ['team.a', 3, third, first],
      ['team.c', 4, fourth, 0],
    ]);
    expect(resyncs()).toBe(0);
  });

  it('begins anew where nobody can tell what is missing', async () => {
    const { got, resyncs } = await follow();
    await send('a', 1);
    await send('b', 2);
    await until(() => got.length === 2);
    way.disconnect();
    const deleting = { seq: got[0]?.[2], no_erase: true };
    await publisher.request('$JS.API.STREAM.MSG.DELETE.LIVE', JSON.stringify(deleting), {
      deadline: Date.now() + 5_000,
    });
    await send('a', 3);
    way.reconnect();
    await until(() => resyncs() === 1);
    expect(got.length).toBe(2);
  });
});

it('a pattern gets what came while a gap was being filled, however much that was', {
  timeout: 60_000,
}, async () => {
  const { feed, got, resyncs } = await follow();
  way.lost.add('2');
  await send('a', 1);
  await send('a', 2);
  await until(() => got.length === 1);
  way.holdAnswers();
  await send('a', 3);
  await until(() => way.waiting > 0);
  const before = way.arrived;
  // More than may wait, and each on a channel where nothing comes afterwards that would show its loss.
  const count = 6_000;
  for (let n = 0; n < count; n += 500)
    await Promise.all(Array.from({ length: 500 }, (_, i) => send(`once${n + i}`, 10 + n + i)));
  await until(() => way.arrived === before + count);
  way.giveAnswers();
  await until(() => feed.live && got.length === count + 3);
  const last = new Map<string, number>();
  for (const [channel, , seq, prev] of got) {
    expect(prev).toBe(last.get(channel) ?? 0);
    last.set(channel, seq);
  }
  expect(resyncs()).toBe(0);
});
