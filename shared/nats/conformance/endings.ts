import { describe, expect, it } from 'vitest';
import { until } from '@sluice/testing';
import { isBusError, type BusErrorKind, type BusStatus } from '../mod.ts';
import { soon, useBench, type HarnessFactory } from './harness.ts';

export function closingCases(factory: HarnessFactory): void {
  describe('closing', () => {
    const bench = useBench(factory);

    it('lets a slow handler finish and its answer arrive', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      const gate = Promise.withResolvers<void>();
      let running = 0;
      responder.subscribe('slow', async (message) => {
        running += 1;
        await gate.promise;
        message.respond('after all');
      });
      await responder.flush();
      const answers = Array.from({ length: 20 }, () => caller.request('slow', '', { deadline: soon() }));
      await until(() => running === 20);
      const closing = responder.close();
      // New work goes elsewhere from now on, in this case nowhere. (A question may still overtake the farewell.)
      await until(() =>
        caller.request('slow', '', { deadline: Date.now() + 200 }).then(
          () => false,
          (error: unknown) => isBusError(error, 'no_responders'),
        ),
      );
      gate.resolve();
      await closing;
      expect((await Promise.all(answers)).map((answer) => answer.text())).toEqual(
        answers.map(() => 'after all'),
      );
    });

    it('waits for handlers of subscriptions that were ended before', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      const gate = Promise.withResolvers<void>();
      const started = Promise.withResolvers<void>();
      const subscription = responder.subscribe('ended', async (message) => {
        subscription.unsubscribe();
        started.resolve();
        await gate.promise;
        message.respond('still here');
      });
      await responder.flush();
      const answer = caller.request('ended', '', { deadline: soon() });
      await started.promise;
      const closing = responder.close();
      gate.resolve();
      await closing;
      expect((await answer).text()).toBe('still here');
    });

    it('lets handlers use the bus until they end', async () => {
      const [caller, middle, last] = [await bench.connect(), await bench.connect(), await bench.connect()];
      const gate = Promise.withResolvers<void>();
      const started = Promise.withResolvers<void>();
      last.subscribe('last', (message) => message.respond('from the last'));
      middle.subscribe('middle', async (message) => {
        started.resolve();
        await gate.promise;
        message.respond((await middle.request('last', '', { deadline: soon() })).data);
      });
      await Promise.all([last.flush(), middle.flush()]);
      const answer = caller.request('middle', '', { deadline: soon() });
      await started.promise;
      const closing = middle.close();
      gate.resolve();
      await closing;
      expect((await answer).text()).toBe('from the last');
    });

    it('gives up on a handler that never ends', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      const started = Promise.withResolvers<void>();
      responder.subscribe('hangs', () => {
        started.resolve();
        return new Promise<void>(() => {});
      });
      await responder.flush();
      caller.publish('hangs', '');
      await started.promise;
      await responder.close(50);
      expect(bench.events).toContainEqual(expect.objectContaining({ kind: 'handler' }));
    });

    it('sends what was published just before', async () => {
      const [publisher, listener] = [await bench.connect(), await bench.connect()];
      let seen = 0;
      listener.subscribe('last-words', () => {
        seen += 1;
      });
      await listener.flush();
      for (let i = 0; i < 1_000; i += 1) publisher.publish('last-words', 'x');
      await publisher.close();
      await until(() => seen === 1_000);
    });

    it('is final, the same for everybody who asks, and told', async () => {
      const bus = await bench.connect();
      const told: BusStatus[] = [];
      bus.onStatus((status) => told.push(status));
      await Promise.all([bus.close(), bus.close()]);
      await until(() => told.length > 0);
      expect(told).toEqual(['closed']);
      expect(bus.connected).toBe(false);
      expect(() => bus.publish('any', '')).toThrow('not connected');
      expect(() => bus.subscribe('any', () => {})).toThrow('not connected');
      await expect(bus.request('any', '', { deadline: soon() })).rejects.toMatchObject({
        kind: 'disconnected',
      });
      await expect(bus.flush()).rejects.toMatchObject({ kind: 'disconnected' });
    });

    it('fails the requests that have no answer yet', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      responder.subscribe('mute', () => {});
      await responder.flush();
      const pending = caller.request('mute', '', { deadline: soon() });
      const failed = expect(pending).rejects.toMatchObject({ kind: 'disconnected' });
      await caller.close();
      await failed;
    });
  });
}

export function outageCases(factory: HarnessFactory): void {
  describe('an outage', () => {
    const bench = useBench(factory);

    it('fails requests under load at once and heals by itself', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      const told: BusStatus[] = [];
      caller.onStatus((status) => told.push(status));
      responder.subscribe('load', (message) => message.respond(message.data));
      await responder.flush();

      const results = { stop: false, answered: 0, failed: new Map<BusErrorKind | 'other', number>() };
      const worker = async (): Promise<void> => {
        while (!results.stop) {
          try {
            await caller.request('load', 'x', { deadline: Date.now() + 60_000 });
            results.answered += 1;
          } catch (error) {
            const kind = isBusError(error) ? error.kind : 'other';
            results.failed.set(kind, (results.failed.get(kind) ?? 0) + 1);
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
      };
      const workers = Array.from({ length: 100 }, worker);
      for (let round = 0; round < 2; round += 1) {
        const before = results.answered;
        await until(() => results.answered > before + 1_000);
        await bench.kill();
        await until(() => !caller.connected && !responder.connected);
        const failedBefore = results.failed.get('disconnected') ?? 0;
        await until(() => (results.failed.get('disconnected') ?? 0) > failedBefore);
        await bench.restart();
        await until(() => caller.connected && responder.connected);
        const after = results.answered;
        await until(() => results.answered > after + 1_000);
      }
      results.stop = true;
      // Nothing hangs: every worker ends long before its request's deadline.
      await Promise.all(workers);
      // `no_responders` is right while the caller is back and the responder is not; a timeout never is.
      expect([...results.failed.keys()].filter((kind) => kind !== 'no_responders')).toEqual(['disconnected']);
      expect(told).toEqual(['disconnected', 'connected', 'disconnected', 'connected']);
    });

    it('fails what is under way: requests, questions to many, flushes', async () => {
      const [caller, responder] = [await bench.connect(), await bench.connect()];
      responder.subscribe('mute', () => {});
      await responder.flush();
      const maxPayload = caller.maxPayload;
      const pending = [
        caller.request('mute', '', { deadline: Date.now() + 60_000 }),
        caller.requestMany('mute', '', { waitMs: 60_000 }),
        caller.requestMany('mute', '', { waitMs: 60_000, until: () => true }),
      ].map((each) => expect(each).rejects.toMatchObject({ kind: 'disconnected' }));
      await caller.flush();
      await bench.kill();
      await Promise.all(pending);
      expect(() => caller.publish('mute', '')).toThrow('not connected');
      await expect(caller.flush()).rejects.toMatchObject({ kind: 'disconnected' });
      expect(caller.maxPayload).toBe(maxPayload);
      await bench.restart();
      await until(() => caller.connected);
      await caller.flush();
    });

    it('keeps subscriptions, also those made meanwhile', async () => {
      const bus = await bench.connect();
      const seen: string[] = [];
      bus.subscribe('before', (message) => {
        seen.push(message.subject);
      });
      await bench.kill();
      await until(() => !bus.connected);
      bus.subscribe('meanwhile', (message) => {
        seen.push(message.subject);
      });
      await bench.restart();
      await until(() => bus.connected);
      bus.publish('before', '');
      bus.publish('meanwhile', '');
      await until(() => seen.length === 2);
      expect(seen).toEqual(['before', 'meanwhile']);
    });

    it('does not keep a bus from closing, and a handler may still run then', async () => {
      const bus = await bench.connect();
      const gate = Promise.withResolvers<void>();
      const started = Promise.withResolvers<void>();
      let finished = false;
      bus.subscribe('running', async () => {
        started.resolve();
        await gate.promise;
        finished = true;
      });
      bus.publish('running', '');
      await started.promise;
      await bench.kill();
      await until(() => !bus.connected);
      const closing = bus.close();
      gate.resolve();
      await closing;
      expect(finished).toBe(true);
      await bench.restart();
    });
  });
}
