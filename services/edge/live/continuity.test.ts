import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, type Bus } from '@sluice/nats';
import { startNatsServer, startProxy, until, type TestNats } from '@sluice/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { numbers, Pour, range } from './testing/channel.ts';
import { LiveClient } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';

/** Far more than is published while a client is away, however busy the machine is. */
const history = 50_000;

let nats: TestNats;
let edge: LiveEdge;
let bus: Bus;

beforeEach(async () => {
  nats = await startNatsServer();
  edge = await startLiveEdge(nats.url, { liveHistory: history });
  bus = await connectBus({ servers: [nats.url], name: 'publisher' });
  await ensureStream(bus, liveStream(1, history));
});

afterEach(async () => {
  await edge[Symbol.asyncDispose]();
  await bus.close(1_000);
  await nats.stop();
});

/** The number of the event that a standing speaks of: the snapshot's, or the last one that came before the answer. */
function numberAt(client: LiveClient, standing: { data?: unknown }, channel: string): number {
  const data = standing.data ?? client.of(channel).at(-1)?.data ?? { n: 0 };
  return (data as { n: number }).n;
}

describe('while events pour in', { timeout: 60_000 }, () => {
  it('every client gets each event after its snapshot once, whenever it subscribes', async () => {
    const pour = new Pour(bus, 'trades.BTCUSDT');
    const end = new AbortController();
    const pouring = (async () => {
      while (!end.signal.aborted) await pour.more(20);
    })();
    const clients: { client: LiveClient; first: number; seq: number }[] = [];
    while (clients.length < 40) {
      const client = await LiveClient.connect(edge.url);
      const standing = (await client.subscribe('trades.BTCUSDT'))['trades.BTCUSDT'] ?? { epoch: '', seq: 0 };
      clients.push({ client, first: numberAt(client, standing, ''), seq: standing.seq });
    }
    end.abort();
    await pouring;
    await pour.more(10);
    for (const { client, first, seq } of clients) {
      await until(() => (client.updates.at(-1)?.data as { n: number } | undefined)?.n === pour.n);
      expect(numbers(client.updates, seq)).toEqual(range(first + 1, pour.n));
    }
    await Promise.all(clients.map(({ client }) => client.close()));
  });

  it('clients that leave and resume again and again miss nothing and see nothing twice', async () => {
    const pour = new Pour(bus, 'trades.BTCUSDT');
    await pour.more(10);
    const end = new AbortController();
    const poured = (async () => {
      while (!end.signal.aborted) await pour.more(20);
    })();
    const seen: number[] = [];
    let position: { epoch: string; seq: number } | undefined;
    for (let round = 0; round < 15; round++) {
      const client = await LiveClient.connect(edge.url);
      if (position) expect((await client.resume('trades.BTCUSDT', position)).recovered).toBe(true);
      else position = (await client.subscribe('trades.BTCUSDT'))['trades.BTCUSDT'] ?? { epoch: '', seq: 0 };
      const wanted = client.updates.length + 30;
      await until(() => client.updates.length >= wanted);
      client.ws.terminate();
      await until(() => client.closed);
      seen.push(...numbers(client.updates, position.seq));
      position = { epoch: position.epoch, seq: client.updates.at(-1)?.seq ?? 0 };
    }
    end.abort();
    await poured;
    expect(seen).toEqual(range(seen[0] ?? 0, (seen[0] ?? 0) + seen.length - 1));
  });

  it('a pattern and its channels agree', async () => {
    const symbols = ['A', 'B', 'C', 'D'];
    const pours = symbols.map((symbol) => new Pour(bus, `trades.${symbol}`));
    const pouring = Promise.all(pours.map((pour) => pour.more(800)));
    const all = await LiveClient.connect(edge.url);
    const standing = (await all.subscribe('trades.*'))['trades.*'];
    const each = await LiveClient.connect(edge.url);
    const standings = await each.subscribe(...symbols.map((symbol) => `trades.${symbol}`));
    await pouring;
    await Promise.all(pours.map((pour) => pour.more(1)));
    for (const symbol of symbols) {
      const channel = `trades.${symbol}`;
      await until(() =>
        [all, each].every((client) => (client.of(channel).at(-1)?.data as { n: number })?.n === 801),
      );
      const snapshot = standing?.snapshot?.[channel] ?? { seq: 0, data: { n: 0 } };
      expect(numbers(all.of(channel), snapshot.seq)).toEqual(
        range((snapshot.data as { n: number }).n + 1, 801),
      );
      const own = standings[channel] ?? { epoch: '', seq: 0 };
      expect(numbers(each.of(channel), own.seq)).toEqual(range(numberAt(each, own, '') + 1, 801));
    }
    await Promise.all([all.close(), each.close()]);
  });
});

describe('a second edge', { timeout: 60_000 }, () => {
  it('goes on exactly where a killed one stopped', async () => {
    await using other = await startLiveEdge(nats.url, { liveHistory: history });
    const pour = new Pour(bus, 'trades.BTCUSDT');
    await pour.more(5);
    const first = await LiveClient.connect(edge.url);
    const standing = (await first.subscribe('trades.BTCUSDT'))['trades.BTCUSDT'] ?? { epoch: '', seq: 0 };
    const end = new AbortController();
    const pouring = (async () => {
      while (!end.signal.aborted) await pour.more(20);
    })();
    await until(() => first.updates.length > 20);
    first.ws.terminate();
    await until(() => first.closed);
    const second = await LiveClient.connect(other.url);
    const position = { epoch: standing.epoch, seq: first.updates.at(-1)?.seq ?? 0 };
    expect((await second.resume('trades.BTCUSDT', position)).recovered).toBe(true);
    end.abort();
    await pouring;
    await pour.more(1);
    await until(() => (second.updates.at(-1)?.data as { n: number } | undefined)?.n === pour.n);
    expect(numbers([...first.updates, ...second.updates], standing.seq)).toEqual(range(6, pour.n));
    await second.close();
  });

  it('answers a herd that resumes at once with one read of the stream', async () => {
    const pour = new Pour(bus, 'trades.BTCUSDT');
    await pour.more(200);
    const probe = await LiveClient.connect(edge.url);
    const { epoch } = (await probe.subscribe('trades.BTCUSDT'))['trades.BTCUSDT'] ?? { epoch: '' };
    await using other = await startLiveEdge(nats.url, { liveHistory: history });
    const herd = await Promise.all(Array.from({ length: 50 }, () => LiveClient.connect(other.url)));
    const reads = vi.spyOn(other.bus, 'requestMany');
    const pouring = pour.more(300);
    const starts = herd.map((_, i) => i * 3 + 1);
    const standings = await Promise.all(
      herd.map((client, i) => client.resume('trades.BTCUSDT', { epoch, seq: starts[i] ?? 0 })),
    );
    await pouring;
    // One for the newest event, one for the history.
    expect(reads).toHaveBeenCalledTimes(2);
    expect(standings.every(({ recovered }) => recovered === true)).toBe(true);
    for (const [i, client] of herd.entries()) {
      await until(() => (client.updates.at(-1)?.data as { n: number } | undefined)?.n === 500);
      // Nothing else is in this stream, so sequences are numbers.
      expect(numbers(client.updates, starts[i])).toEqual(range((starts[i] ?? 0) + 1, 500));
    }
    await Promise.all([probe, ...herd].map((client) => client.close()));
  });
});

describe('an event that gets lost between NATS and the edge', { timeout: 60_000 }, () => {
  /** Loses the messages for which `lose` holds, as a server does that drops them for a slow consumer. */
  function lossy(target: Bus, lose: (n: number) => boolean): void {
    const subscribe = target.subscribe.bind(target);
    let n = 0;
    vi.spyOn(target, 'subscribe').mockImplementation((subject, handler, options) =>
      subscribe(subject, (message) => (lose(++n) ? undefined : handler(message)), options),
    );
  }

  it.each(['trades.BTCUSDT', 'trades.*'])('is fetched before anything after it goes on: %s', async (name) => {
    lossy(edge.bus, (n) => n % 7 === 0);
    const pour = new Pour(bus, 'trades.BTCUSDT');
    await pour.more(2);
    const client = await LiveClient.connect(edge.url);
    const standing = (await client.subscribe(name))[name];
    await pour.more(500);
    // The last one may be among the lost, and only its successor shows that.
    await pour.more(1);
    await pour.more(1);
    await until(() => (client.updates.at(-1)?.data as { n: number } | undefined)?.n === pour.n);
    expect(numbers(client.updates, standing?.seq)).toEqual(range(3, pour.n));
    expect(await edge.metric('sluice_live_refills_total')).toBeGreaterThan(0);
    expect(await edge.metric('sluice_live_resyncs_total')).toBe(0);
    await client.close();
  });

  it('and is no longer kept makes the channel begin anew, in sight of its clients', async () => {
    await using small = await startLiveEdge(nats.url, { liveHistory: 10 });
    lossy(small.bus, (n) => n > 5 && n <= 50);
    const pour = new Pour(bus, 'trades.BTCUSDT');
    const client = await LiveClient.connect(small.url);
    await client.subscribe('trades.BTCUSDT');
    await pour.more(50);
    await pour.more(1);
    await until(() => client.events.some(({ event }) => event === 'resync'));
    const resync = client.events.find(({ event }) => event === 'resync')?.channels?.['trades.BTCUSDT'];
    expect(resync).toMatchObject({ recovered: false, data: { n: 51 } });
    const before = client.updates.length;
    expect(numbers(client.updates, 0)).toEqual(range(1, before));
    await pour.more(3);
    await until(() => client.updates.length === before + 3);
    expect(numbers(client.updates.slice(before), resync?.seq)).toEqual([52, 53, 54]);
    await client.close();
  });
});

describe('without NATS', { timeout: 60_000 }, () => {
  it('keeps its clients, tells them, and begins anew when the stream was lost', async () => {
    const pour = new Pour(bus, 'ticker.BTCUSDT');
    await pour.more(3);
    const client = await LiveClient.connect(edge.url);
    const { epoch } = (await client.subscribe('ticker.BTCUSDT'))['ticker.BTCUSDT'] ?? { epoch: '' };
    await nats.kill();
    await until(() => client.events.some(({ event }) => event === 'degraded'));
    const refused = await client.op('subscribe', { channels: ['ticker.ETHUSDT'] });
    expect(refused).toMatchObject({ ok: false, error: { code: 'unavailable', retry_after: 1 } });
    const late = await LiveClient.connect(edge.url);
    await until(() => late.events.some(({ event }) => event === 'degraded'));
    await nats.restart();
    await until(() => client.events.some(({ event }) => event === 'restored'), { timeoutMs: 20_000 });
    const resync = client.events.find(({ event }) => event === 'resync')?.channels?.['ticker.BTCUSDT'];
    expect(resync).toEqual({ epoch: expect.any(String), seq: 0, recovered: false });
    expect(resync?.epoch).not.toBe(epoch);
    await until(() => bus.connected);
    await pour.more(2);
    await until(() => client.updates.length === 2);
    expect(numbers(client.updates, 0)).toEqual([4, 5]);
    const stale = await LiveClient.connect(edge.url);
    expect(await stale.resume('ticker.BTCUSDT', { epoch, seq: 3 })).toMatchObject({
      recovered: false,
      epoch: resync?.epoch,
      data: { n: 5 },
    });
    await Promise.all([client, late, stale].map((one) => one.close()));
  });

  it('fetches what it missed when only its connection was lost', async () => {
    await using proxy = await startProxy(nats.url);
    await using cut = await startLiveEdge(`nats://127.0.0.1:${proxy.port}`, { liveHistory: history });
    const pour = new Pour(bus, 'trades.BTCUSDT');
    await pour.more(3);
    const client = await LiveClient.connect(cut.url);
    const standing = (await client.subscribe('trades.BTCUSDT'))['trades.BTCUSDT'] ?? { epoch: '', seq: 0 };
    const pouring = pour.more(900);
    await until(() => client.updates.length > 10);
    proxy.cut();
    await until(() => client.events.some(({ event }) => event === 'degraded'));
    await pouring;
    await until(() => (client.updates.at(-1)?.data as { n: number } | undefined)?.n === pour.n, {
      timeoutMs: 20_000,
    });
    expect(numbers(client.updates, standing.seq)).toEqual(range(4, pour.n));
    await until(() => client.events.some(({ event }) => event === 'restored'));
    expect(client.events.some(({ event }) => event === 'resync')).toBe(false);
    await client.close();
  });

  it('notices a stream that was deleted and made anew', async () => {
    const pour = new Pour(bus, 'trades.BTCUSDT');
    await pour.more(50);
    const client = await LiveClient.connect(edge.url);
    await client.subscribe('trades.BTCUSDT');
    await bus.request('$JS.API.STREAM.DELETE.LIVE', '', { deadline: Date.now() + 5_000 });
    await ensureStream(bus, liveStream(1, history));
    await pour.more(1);
    await until(() => client.events.some(({ event }) => event === 'resync'), { timeoutMs: 20_000 });
    await until(() => client.events.some(({ event }) => event === 'restored'));
    const seen = client.updates.length;
    await pour.more(5);
    await until(() => client.updates.length === seen + 5);
    expect(numbers(client.updates.slice(-5))).toEqual(range(52, 56));
    await client.close();
  });
});
