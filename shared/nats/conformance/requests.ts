import { describe, expect, it } from 'vitest';
import { BusError, isBusError, type BusMessage } from '../mod.ts';
import { soon, useBench, type HarnessFactory } from './harness.ts';

export function requestCases(factory: HarnessFactory): void {
  describe('requests', () => {
    const bench = useBench(factory);

    it('brings the answer of the responder', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      responder.subscribe('greet', (message) => message.respond(`hello ${message.text()}`));
      await responder.flush();
      const answer = await caller.request('greet', 'world', { deadline: soon() });
      expect(answer.text()).toBe('hello world');
      expect(answer.status).toBe(0);
    });

    it('gives every one of a thousand requests in flight its own answer', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      const waiting: BusMessage[] = [];
      responder.subscribe('number', (message) => {
        waiting.push(message);
        // Answered last to first, so that the order of answers says nothing about whose they are.
        if (waiting.length === 1_000) for (const each of waiting.reverse()) each.respond(each.data);
      });
      await responder.flush();
      const answers = await Promise.all(
        Array.from({ length: 1_000 }, (_, i) => caller.request('number', String(i), { deadline: soon() })),
      );
      expect(answers.map((answer) => answer.text())).toEqual(answers.map((_, i) => String(i)));
    });

    it('carries binary payloads of any size up to the limit unchanged', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      responder.subscribe('echo', (message) => message.respond(message.data));
      await responder.flush();
      for (const size of [0, 1, 255, 4_096, 65_536, 1_000_000, caller.maxPayload]) {
        const payload = Buffer.alloc(size, Buffer.from([0, 13, 10, 255, 128]));
        const answer = await caller.request('echo', payload, { deadline: soon() });
        expect(Buffer.compare(answer.data, payload)).toBe(0);
      }
    });

    it('shares requests among the members of a queue group', async () => {
      const caller = await bench.connect();
      const members = await Promise.all(['a', 'b', 'c'].map(() => bench.connect()));
      for (const [i, member] of members.entries()) {
        member.subscribe('shared', (message) => message.respond(String(i)), { queue: 'q' });
        await member.flush();
      }
      const answers = await Promise.all(
        Array.from({ length: 300 }, () => caller.request('shared', '', { deadline: soon() })),
      );
      expect(new Set(answers.map((answer) => answer.text()))).toEqual(new Set(['0', '1', '2']));
    });

    it('fails with no_responders where nobody listens', async () => {
      const caller = await bench.connect();
      await expect(caller.request('nobody', '', { deadline: soon() })).rejects.toMatchObject({
        kind: 'no_responders',
      });
    });

    it('fails with timeout at the deadline, and drops the answer that comes after it', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      const received = Promise.withResolvers<BusMessage>();
      responder.subscribe('slow', (message) => received.resolve(message));
      await responder.flush();
      const deadline = Date.now() + 200;
      await expect(caller.request('slow', '', { deadline })).rejects.toMatchObject({ kind: 'timeout' });
      expect(Date.now()).toBeGreaterThanOrEqual(deadline);
      (await received.promise).respond('too late');
      await responder.flush();
      await caller.flush();
      expect(bench.events).toEqual([]);
    });

    it('sends nothing when the deadline has passed already', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      const seen: string[] = [];
      responder.subscribe('late', (message) => {
        seen.push(message.text());
        message.respond('');
      });
      await responder.flush();
      await expect(caller.request('late', 'first', { deadline: Date.now() - 1 })).rejects.toMatchObject({
        kind: 'timeout',
      });
      await caller.request('late', 'second', { deadline: soon() });
      expect(seen).toEqual(['second']);
    });

    it('meets many different deadlines in their order', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      responder.subscribe('silent', () => {});
      await responder.flush();
      const order: number[] = [];
      await Promise.all(
        [400, 100, 300, 200].map(async (ms) => {
          const deadline = Date.now() + ms;
          await caller.request('silent', '', { deadline }).catch((error: unknown) => {
            expect(isBusError(error, 'timeout')).toBe(true);
            expect(Date.now()).toBeGreaterThanOrEqual(deadline);
            order.push(ms);
          });
        }),
      );
      expect(order).toEqual([100, 200, 300, 400]);
    });

    it('refuses a payload above the limit before sending it, for caller and responder', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      responder.subscribe('blow-up', (message) => {
        try {
          message.respond(Buffer.alloc(responder.maxPayload + 1));
        } catch (error) {
          message.respond(isBusError(error) ? error.kind : 'something else');
        }
      });
      await responder.flush();
      const tooLarge = Buffer.alloc(caller.maxPayload + 1);
      await expect(caller.request('blow-up', tooLarge, { deadline: soon() })).rejects.toMatchObject({
        kind: 'too_large',
      });
      expect(() => caller.publish('blow-up', tooLarge)).toThrow(BusError);
      // Headers count too.
      expect(() => caller.publish('blow-up', Buffer.alloc(caller.maxPayload), ['a', 'b'])).toThrow(BusError);
      const answer = await caller.request('blow-up', '', { deadline: soon() });
      expect(answer.text()).toBe('too_large');
    });

    it('refuses subjects that would break the protocol', async () => {
      const caller = await bench.connect();
      for (const subject of ['', 'a b', 'a\r\nPUB b 0\r\n', 'a\tb', 'a\u0000']) {
        await expect(caller.request(subject, '', { deadline: soon() })).rejects.toMatchObject({
          kind: 'rejected',
        });
        expect(() => caller.subscribe(subject, () => {})).toThrow(BusError);
      }
    });

    it('asks everybody and gives the answers that came in time', async () => {
      const caller = await bench.connect();
      for (const name of ['a', 'b', 'c']) {
        const responder = await bench.connect();
        responder.subscribe('who', (message) => message.respond(name));
        await responder.flush();
      }
      const answers = await caller.requestMany('who', '', { waitMs: 300 });
      expect(answers.map((answer) => answer.text()).sort()).toEqual(['a', 'b', 'c']);
      expect(await caller.requestMany('nobody', '', { waitMs: 300 })).toEqual([]);
    });

    it('takes many answers until the last one is recognised', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      responder.subscribe('count', (message) => {
        for (const each of ['1', '2', 'end', 'after']) message.respond(each);
      });
      responder.subscribe('mute', () => {});
      await responder.flush();
      const isEnd = (message: BusMessage): boolean => message.text() === 'end';
      const answers = await caller.requestMany('count', '', { waitMs: 10_000, until: isEnd });
      expect(answers.map((answer) => answer.text())).toEqual(['1', '2', 'end']);
      await expect(caller.requestMany('mute', '', { waitMs: 100, until: isEnd })).rejects.toMatchObject({
        kind: 'timeout',
      });
      await expect(caller.requestMany('nobody', '', { waitMs: 10_000, until: isEnd })).rejects.toMatchObject({
        kind: 'no_responders',
      });
    });
  });
}
