import { describe, expect, it } from 'vitest';
import { until } from '@sluice/testing';
import { BusError, type BusMessage } from '../mod.ts';
import { soon, useBench, type HarnessFactory } from './harness.ts';

export function messageCases(factory: HarnessFactory): void {
  describe('headers', () => {
    const bench = useBench(factory);

    async function roundTrip(headers: string[]): Promise<BusMessage> {
      const bus = await bench.connect();
      const received = Promise.withResolvers<BusMessage>();
      bus.subscribe('headers', (message) => received.resolve(message));
      bus.publish('headers', 'payload', headers);
      return received.promise;
    }

    it('keeps repeated fields apart and in order', async () => {
      const message = await roundTrip(['Set', 'a=1', 'Other', 'x', 'Set', 'b=2']);
      expect(message.headerList()).toEqual(['Set', 'a=1', 'Other', 'x', 'Set', 'b=2']);
      expect(message.header('Set')).toBe('a=1');
      expect(message.text()).toBe('payload');
    });

    it('tells names apart by case, and an empty value from none', async () => {
      const message = await roundTrip(['Name', 'upper', 'name', 'lower', 'empty', '']);
      expect([message.header('Name'), message.header('name'), message.header('NAME')]).toEqual([
        'upper',
        'lower',
        undefined,
      ]);
      expect(message.header('empty')).toBe('');
      // The end of one name is not another.
      expect(message.header('ame')).toBeUndefined();
    });

    it('carries text beyond ASCII, and colons', async () => {
      const message = await roundTrip(['Stadt', 'Köln – 東京 🚰', 'url', 'http://host:80/a: b']);
      expect(message.header('Stadt')).toBe('Köln – 東京 🚰');
      expect(message.header('url')).toBe('http://host:80/a: b');
    });

    it('has none where none were sent', async () => {
      const message = await roundTrip([]);
      expect(message.headerList()).toEqual([]);
      expect(message.header('any')).toBeUndefined();
      expect(message.status).toBe(0);
    });

    it('refuses line breaks and names that would be read as something else', async () => {
      const bus = await bench.connect();
      for (const headers of [
        ['ok', 'a\r\nInjected: yes'],
        ['ok', 'a\nb'],
        ['ok', 'a\rb'],
        ['bad\r\nInjected', 'yes'],
        ['bad:name', 'x'],
        ['bad name', 'x'],
        ['', 'x'],
      ]) {
        expect(() => bus.publish('headers', '', headers)).toThrow(BusError);
        await expect(bus.request('headers', '', { deadline: soon(), headers })).rejects.toMatchObject({
          kind: 'rejected',
        });
      }
    });
  });

  describe('subscriptions', () => {
    const bench = useBench(factory);

    it('deliver in the order of publishing', async () => {
      const [publisher, listener] = [await bench.connect(), await bench.connect()];
      const seen: number[] = [];
      listener.subscribe('ordered.*', (message) => {
        seen.push(Number(message.text()));
      });
      await listener.flush();
      for (let i = 0; i < 5_000; i += 1) publisher.publish(`ordered.${i % 7}`, String(i));
      await until(() => seen.length === 5_000);
      expect(seen).toEqual(seen.map((_, i) => i));
    });

    it('are told the subject and the reply subject', async () => {
      const bus = await bench.connect();
      const received = Promise.withResolvers<BusMessage>();
      bus.subscribe('told.>', (message) => received.resolve(message));
      bus.publish('told.a.b', new Uint8Array([1]), undefined, 'answers.here');
      const message = await received.promise;
      expect([message.subject, message.reply, [...message.data]]).toEqual(['told.a.b', 'answers.here', [1]]);
      expect((await roundTripWithoutReply()).reply).toBe('');

      async function roundTripWithoutReply(): Promise<BusMessage> {
        const next = Promise.withResolvers<BusMessage>();
        bus.subscribe('untold', (each) => next.resolve(each));
        bus.publish('untold', '');
        return next.promise;
      }
    });

    it('end at once with unsubscribe', async () => {
      const bus = await bench.connect();
      const seen: string[] = [];
      const subscription = bus.subscribe('ended', (message) => {
        seen.push(message.text());
        subscription.unsubscribe();
      });
      bus.publish('ended', 'first');
      bus.publish('ended', 'second');
      await bus.flush();
      await bus.flush();
      expect(seen).toEqual(['first']);
    });

    it('harm nobody when a handler throws or rejects, and report it', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      responder.subscribe('throws', () => {
        throw new Error('thrown on purpose');
      });
      responder.subscribe('rejects', async (message) => {
        await Promise.resolve();
        throw new Error(`rejected on purpose ${message.text()}`);
      });
      responder.subscribe('works', (message) => message.respond('fine'));
      await responder.flush();
      for (let i = 0; i < 20; i += 1) {
        caller.publish('throws', '');
        caller.publish('rejects', '');
        const answer = await caller.request('works', '', { deadline: soon() });
        expect(answer.text()).toBe('fine');
      }
      await until(() => bench.events.length === 40);
      expect(new Set(bench.events.map((event) => event.kind))).toEqual(new Set(['handler']));
      expect(bench.events.some((event) => event.detail.includes('throws'))).toBe(true);
    });

    /* oxlint-disable unicorn/no-thenable -- objects that only look like promises are the point */
    it.each<[string, unknown]>([
      ['null', null],
      ['a number', 7],
      ['an object with a `then` that is no function', { then: 1 }],
      ['a thenable', { then: (resolve: () => void) => resolve() }],
    ])('go on after a handler that returned %s', async (_what, returned) => {
      const bus = await bench.connect();
      const seen: string[] = [];
      bus.subscribe('odd', (message) => {
        seen.push(message.text());
        return returned as undefined;
      });
      for (const text of ['first', 'second']) bus.publish('odd', text);
      await bus.flush();
      await bus.flush();
      expect(seen).toEqual(['first', 'second']);
      await bus.close();
      expect(bench.events).toEqual([]);
    });

    it('report a thenable that breaks, as they do a promise', async () => {
      const bus = await bench.connect();
      const broken = {
        get then(): never {
          throw new Error('no thenable after all');
        },
      };
      bus.subscribe('broken', () => broken as unknown as undefined);
      bus.publish('broken', '');
      await until(() => bench.events.length === 1);
      expect(bench.events[0]?.kind).toBe('handler');
      await bus.flush();
    });
    /* oxlint-enable unicorn/no-thenable */

    it('finish what they have when drained, one by one', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      const gate = Promise.withResolvers<void>();
      const started = Promise.withResolvers<void>();
      const subscription = responder.subscribe('drained', async (message) => {
        started.resolve();
        await gate.promise;
        message.respond('done');
      });
      await responder.flush();
      const answer = caller.request('drained', '', { deadline: soon() });
      await started.promise;
      let drained = false;
      const draining = subscription.drain().then(() => {
        drained = true;
        return undefined;
      });
      await responder.flush();
      // It takes no more, and is not over while the handler runs.
      await expect(caller.request('drained', '', { deadline: soon() })).rejects.toMatchObject({
        kind: 'no_responders',
      });
      expect(drained).toBe(false);
      gate.resolve();
      await draining;
      expect((await answer).text()).toBe('done');
    });
  });
}
