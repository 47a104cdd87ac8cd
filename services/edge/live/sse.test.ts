import { liveStream } from '@sluice/live';
import { connectBus, ensureStream, type Bus } from '@sluice/nats';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numbers, Pour, range } from './testing/channel.ts';
import type { Update } from './testing/client.ts';
import { startLiveEdge, type LiveEdge } from './testing/edge.ts';
import { SseClient } from './testing/sse-client.ts';

let nats: TestNats;
let edge: LiveEdge;
let bus: Bus;

beforeAll(async () => {
  nats = await startNatsServer();
  edge = await startLiveEdge(nats.url, { liveHistory: 50 });
  bus = await connectBus({ servers: [nats.url], name: 'publisher' });
  await ensureStream(bus, liveStream(1, 50));
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await bus.close(1_000);
  await nats.stop();
});

async function open(query: string, lastEventId?: string): Promise<SseClient> {
  const client = new SseClient(`${edge.url}?${query}`, lastEventId);
  await until(() => client.standings.length > 0);
  return client;
}

describe('server-sent events', () => {
  it('begin with the snapshot and go on with updates', async () => {
    const pour = new Pour(bus, 's.one');
    await pour.more(2);
    const client = await open('channels=s.one');
    expect(client.standings[0]?.['s.one']).toMatchObject({ seq: pour.seq, data: { n: 2 } });
    const after = pour.seq;
    await pour.more(3);
    await until(() => client.updates.length === 3);
    expect(numbers(client.updates, after)).toEqual([3, 4, 5]);
    client.source.close();
  });

  it('resume on every channel from Last-Event-ID', async () => {
    const a = new Pour(bus, 's.a');
    const b = new Pour(bus, 's.b');
    await a.more(3);
    await b.more(3);
    const first = await open('channels=s.a,s.b');
    const [seqA, seqB] = [a.seq, b.seq];
    await a.more(2);
    await b.more(1);
    await until(() => first.updates.length === 3);
    first.source.close();
    await a.more(4);
    await b.more(4);
    const second = await open('channels=s.a,s.b', first.lastEventId);
    expect(second.standings[0]).toMatchObject({ 's.a': { recovered: true }, 's.b': { recovered: true } });
    await a.more(1);
    await b.more(1);
    await until(() => second.updates.length === 10);
    expect(numbers([...first.of('s.a'), ...second.of('s.a')], seqA)).toEqual(range(4, 10));
    expect(numbers([...first.of('s.b'), ...second.of('s.b')], seqB)).toEqual(range(4, 9));
    second.source.close();
  });

  it('resume from the id of any event, not only the last of a turn', async () => {
    const pour = new Pour(bus, 's.every');
    const collected = await fetchEvents(
      'channels=s.every',
      async () => {
        await pour.more(20);
      },
      20,
    );
    expect(collected.map(({ id }) => id)).not.toContain('');
    const eighth = collected[8] as RawEvent;
    const client = await open('channels=s.every', eighth.id);
    await until(() => client.updates.length === 11);
    expect(numbers(client.updates, (eighth.data as Update).seq)).toEqual(range(10, 20));
    client.source.close();
  });

  it('say so when the past is gone or the id means something else', async () => {
    const pour = new Pour(bus, 's.old');
    await pour.more(1);
    const first = await open('channels=s.old');
    const { lastEventId } = first;
    await pour.more(60);
    await until(() => first.updates.length === 60);
    first.source.close();
    const late = await open('channels=s.old', lastEventId);
    expect(late.standings[0]?.['s.old']).toMatchObject({ recovered: false, data: { n: 61 } });
    late.source.close();
    const other = await open('channels=s.old,s.other', late.lastEventId);
    expect(other.standings[0]?.['s.old']).toMatchObject({ recovered: false, data: { n: 61 } });
    other.source.close();
    const nonsense = await open('channels=s.old&last_event_id=nonsense');
    expect(nonsense.standings[0]?.['s.old']).toMatchObject({ recovered: false });
    nonsense.source.close();
  });

  it('give history, and take patterns', async () => {
    const pour = new Pour(bus, 's.h.x');
    await pour.more(9);
    const client = await open('channels=s.h.x&history=4');
    expect(numbers(client.updates)).toEqual([6, 7, 8, 9]);
    client.source.close();
    const pattern = await open('channels=s.h.*');
    await pour.more(1);
    await until(() => pattern.updates.length === 1);
    pattern.source.close();
    const again = await open('channels=s.h.*', pattern.lastEventId);
    expect(again.standings[0]?.['s.h.*']).toMatchObject({ recovered: true });
    again.source.close();
  });

  it.each([
    ['', 400],
    ['channels=', 400],
    ['channels=BTC', 400],
    ['channels=a.b&history=0', 400],
    ['channels=a.b&chanels=c.d', 400],
    ['channels=trades.lower', 404],
  ])('%j is refused with %i', async (query, status) => {
    const response = await fetch(`${edge.url}?${query}`);
    expect(response.status).toBe(status);
    await response.body?.cancel();
  });

  it('survive line breaks in what is published', async () => {
    const client = await open('channels=s.lines');
    await bus.request('live.in.s.lines', '{\r\n"a":\n"b\\n"}', { deadline: Date.now() + 5_000 });
    await bus.request('live.in.s.lines', 'a\nb\r', { deadline: Date.now() + 5_000 });
    await until(() => client.updates.length === 2);
    expect(client.updates.map(({ data }) => data)).toEqual([{ a: 'b\n' }, 'a\nb\r']);
    client.source.close();
  });

  it('end with the time to come back when the edge stops', async () => {
    const stopping = await startLiveEdge(nats.url, { liveHistory: 50 });
    const client = new SseClient(`${stopping.url}?channels=s.one`);
    await until(() => client.standings.length > 0);
    await stopping.live.close('stopping');
    await until(() => client.closing.length === 1);
    expect(client.closing).toEqual([{ reconnect_ms: expect.any(Number) as number }]);
    client.source.close();
    await stopping[Symbol.asyncDispose]();
  });
});

interface RawEvent {
  readonly id: string;
  readonly data: unknown;
}

/** Reads the stream as text, id by id. */
async function fetchEvents(query: string, then: () => Promise<void>, count: number): Promise<RawEvent[]> {
  const response = await fetch(`${edge.url}?${query}`);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) throw new Error('no body');
  let text = '';
  const poured = then();
  const events = (): RawEvent[] =>
    text
      .split('\n\n')
      .slice(0, -1)
      .filter((block) => block.startsWith('id: '))
      .map((block) => {
        const [id = '', data = ''] = block.split('\n');
        return { id: id.slice(4), data: JSON.parse(data.slice(6)) };
      });
  while (events().length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  await poured;
  await reader.cancel();
  return events();
}
