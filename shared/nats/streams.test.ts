import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNatsServer, until, type TestNats } from '@sluice/testing';
import {
  connectBus,
  ensureStream,
  lastMessage,
  lastMessages,
  publishStored,
  readFrom,
  streamState,
  type Bus,
  type StreamSpec,
} from './mod.ts';

describe('streams', () => {
  let server: TestNats;
  let bus: Bus;

  const events: StreamSpec = {
    name: 'EVENTS',
    subjects: ['events.>'],
    storage: 'file',
    replicas: 1,
    duplicateWindowMs: 120_000,
  };

  const publish = (
    subject: string,
    payload: string,
    msgId?: string,
  ): Promise<{ seq: number; duplicate: boolean }> =>
    publishStored(bus, subject, payload, {
      deadline: Date.now() + 10_000,
      ...(msgId === undefined ? {} : { msgId }),
    });

  beforeAll(async () => {
    server = await startNatsServer();
    bus = await connectBus({ servers: [server.url], name: 'test' });
    await ensureStream(bus, events);
  });
  afterAll(async () => {
    await bus.close();
    await server.stop();
  });

  it('are made once, whoever declares them at the same time, and keep what they hold', async () => {
    const spec: StreamSpec = { ...events, name: 'MADE', subjects: ['made.>'] };
    await Promise.all(Array.from({ length: 5 }, () => ensureStream(bus, spec)));
    const { createdMs } = await streamState(bus, 'MADE');
    await publish('made.a', '1');
    await ensureStream(bus, spec);
    expect(await streamState(bus, 'MADE')).toEqual({ createdMs, firstSeq: 1, lastSeq: 1, messages: 1 });
  });

  it('that are append-only let nobody delete or purge', async () => {
    await ensureStream(bus, { ...events, name: 'KEPT', subjects: ['kept.>'], appendOnly: true });
    const { seq } = await publish('kept.a', '1');
    for (const [call, body] of [
      ['MSG.DELETE', { seq }],
      ['PURGE', {}],
    ] as const) {
      const answer = await bus.request(`$JS.API.STREAM.${call}.KEPT`, JSON.stringify(body), {
        deadline: Date.now() + 10_000,
      });
      expect(answer.json()).toHaveProperty('error');
    }
    expect(await streamState(bus, 'KEPT')).toMatchObject({ messages: 1 });
  });

  it('are changed where the declaration changed, and only there', async () => {
    const spec: StreamSpec = { ...events, name: 'CHANGED', subjects: ['changed.>'], maxMsgsPerSubject: 5 };
    await ensureStream(bus, spec);
    for (let i = 0; i < 5; i += 1) await publish('changed.a', String(i));
    await ensureStream(bus, { ...events, name: 'CHANGED', subjects: ['changed.>', 'also.>'] });
    expect((await publish('also.a', 'x')).seq).toBe(6);
    // The limit that the second declaration left out is still there.
    await publish('changed.a', '5');
    expect((await streamState(bus, 'CHANGED')).messages).toBe(6);
    await ensureStream(bus, { ...spec, subjects: ['changed.>', 'also.>'], maxMsgsPerSubject: 2 });
    expect((await streamState(bus, 'CHANGED')).messages).toBe(3);
  });

  it('refuse a change that the server cannot make, and name themselves', async () => {
    await expect(ensureStream(bus, { ...events, storage: 'memory' })).rejects.toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('EVENTS') as string,
    });
    await expect(streamState(bus, 'MISSING')).rejects.toMatchObject({ kind: 'rejected', code: 10059 });
  });

  it('republish what they store with its sequence and the one before on the subject', async () => {
    await ensureStream(bus, {
      name: 'AGAIN',
      subjects: ['in.>'],
      storage: 'memory',
      replicas: 1,
      republish: { src: 'in.>', dest: 'out.>' },
    });
    const heard: (string | undefined)[][] = [];
    bus.subscribe('out.>', (message) => {
      heard.push([
        message.subject,
        message.text(),
        message.header('Nats-Sequence'),
        message.header('Nats-Last-Sequence'),
      ]);
    });
    await publish('in.a', 'first');
    await publish('in.b', 'other');
    await publish('in.a', 'second');
    await until(() => heard.length === 3);
    expect(heard).toEqual([
      ['out.a', 'first', '1', '0'],
      ['out.b', 'other', '2', '0'],
      ['out.a', 'second', '3', '1'],
    ]);
  });

  it('store many messages in flight at once, each id a single time', async () => {
    const acks = await Promise.all(
      Array.from({ length: 2_000 }, (_, i) =>
        publish(`events.p.${i % 10}`, String(i % 1_500), `p${i % 1_500}`),
      ),
    );
    expect(acks.filter((ack) => ack.duplicate)).toHaveLength(500);
    // A duplicate is told the sequence of the first one.
    for (let i = 1_500; i < 2_000; i += 1)
      expect(acks[i]).toEqual({ seq: acks[i - 1_500]?.seq, duplicate: true });
    const stored = await readFrom(bus, 'EVENTS', 'events.p.>', 1, { limit: 5_000 });
    expect(stored.map((message) => Buffer.from(message.data).toString())).toEqual(
      Array.from({ length: 1_500 }, (_, i) => String(i)),
    );
  });

  it('tell a publisher that nothing stores the subject', async () => {
    await expect(publish('unknown.subject', 'x')).rejects.toMatchObject({ kind: 'no_responders' });
  });

  describe('read back', () => {
    beforeAll(async () => {
      for (let i = 0; i < 30; i += 1) await publish(`events.r.${'abc'[i % 3]}`, String(i));
    });

    it('give the newest message of every subject asked for', async () => {
      const texts = async (...subjects: string[]): Promise<string[]> =>
        (await lastMessages(bus, 'EVENTS', subjects)).map(
          (message) => `${message.subject}=${Buffer.from(message.data).toString()}`,
        );
      expect(await texts('events.r.*')).toEqual(['events.r.a=27', 'events.r.b=28', 'events.r.c=29']);
      expect(await texts('events.r.b')).toEqual(['events.r.b=28']);
      expect(await texts('events.r.c', 'events.r.a', 'events.none')).toEqual([
        'events.r.a=27',
        'events.r.c=29',
      ]);
      expect(await texts('events.none.>')).toEqual([]);
      expect(await texts()).toEqual([]);
    });

    it('give what was the newest message of every subject at a sequence', async () => {
      const all = await readFrom(bus, 'EVENTS', 'events.r.>', 0, { limit: 100 });
      const upTo = all[4]?.seq ?? 0;
      const texts = async (...subjects: string[]): Promise<string[]> =>
        (await lastMessages(bus, 'EVENTS', subjects, { upTo })).map(
          (message) => `${message.subject}=${Buffer.from(message.data).toString()}`,
        );
      expect(await texts('events.r.*')).toEqual(['events.r.c=2', 'events.r.a=3', 'events.r.b=4']);
      expect(await texts('events.r.b', 'events.none')).toEqual(['events.r.b=4']);
      const first = all[0]?.seq ?? 0;
      expect(await lastMessages(bus, 'EVENTS', ['events.r.b'], { upTo: first })).toEqual([]);
    });

    it('give the facts of a message', async () => {
      const before = Date.now();
      const { seq } = await publish('events.fact', 'x');
      const [message] = await lastMessages(bus, 'EVENTS', ['events.fact']);
      expect(message).toMatchObject({ subject: 'events.fact', seq });
      expect(message?.timeMs).toBeGreaterThanOrEqual(before - 1);
      expect(message?.timeMs).toBeLessThanOrEqual(Date.now() + 1);
      expect((await lastMessage(bus, 'EVENTS', 'events.fact'))?.seq).toBe(seq);
      expect(await lastMessage(bus, 'EVENTS', 'events.none')).toBeNull();
    });

    it('give the messages from a sequence on, up to a limit', async () => {
      const all = await readFrom(bus, 'EVENTS', 'events.r.>', 0, { limit: 100 });
      expect(all.map((message) => Buffer.from(message.data).toString())).toEqual(
        Array.from({ length: 30 }, (_, i) => String(i)),
      );
      const fifth = all[4]?.seq ?? 0;
      const some = await readFrom(bus, 'EVENTS', 'events.r.>', fifth, { limit: 3 });
      expect(some).toMatchObject([{ seq: fifth }, { seq: fifth + 1 }, { seq: fifth + 2 }]);
      const one = await readFrom(bus, 'EVENTS', 'events.r.a', fifth, { limit: 2 });
      expect(one.map((message) => message.subject)).toEqual(['events.r.a', 'events.r.a']);
      expect(await readFrom(bus, 'EVENTS', 'events.r.>', 999_999, { limit: 5 })).toEqual([]);
      expect(await readFrom(bus, 'EVENTS', 'events.none', 0, { limit: 5 })).toEqual([]);
      expect(await readFrom(bus, 'EVENTS', 'events.r.>', 0, { limit: 0 })).toEqual([]);
    });

    it('cope with more subjects and more bytes than one answer holds', async () => {
      await ensureStream(bus, { ...events, name: 'WIDE', subjects: ['wide.>'], maxMsgsPerSubject: 1 });
      const filler = 'x'.repeat(1_000);
      await Promise.all(Array.from({ length: 3_000 }, (_, i) => publish(`wide.${i}`, `${i} ${filler}`)));
      expect(await lastMessages(bus, 'WIDE', ['wide.>'])).toHaveLength(3_000);
      const large = 'y'.repeat(1_000_000);
      await Promise.all(Array.from({ length: 80 }, (_, i) => publish(`wide.large.${i}`, large)));
      expect(await readFrom(bus, 'WIDE', 'wide.large.*', 1, { limit: 1_000 })).toHaveLength(80);
      const last = await lastMessages(bus, 'WIDE', ['wide.large.*']);
      expect(new Set(last.map((message) => message.subject)).size).toBe(80);
      expect(last).toHaveLength(80);
    });

    it('say that a stream is not there', async () => {
      await expect(lastMessages(bus, 'MISSING', ['a.>'])).rejects.toMatchObject({ kind: 'no_responders' });
      await expect(readFrom(bus, 'MISSING', 'a.>', 1, { limit: 1 })).rejects.toMatchObject({
        kind: 'no_responders',
      });
    });
  });
});
