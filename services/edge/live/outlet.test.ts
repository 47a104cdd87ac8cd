import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Batch } from './batch.ts';
import { LiveEvent } from './live-event.ts';
import { Outlet, type OutletOptions } from './outlet.ts';
import { Pulse } from './pulse.ts';
import type { Subscription } from './subscription.ts';

/** A client that does not read until the test lets it. */
function kit(budget: number) {
  const sink = new PassThrough({ highWaterMark: 1 });
  const faults: unknown[] = [];
  let exceeded = 0;
  const options = {
    pulse: new Pulse((error) => faults.push(error)),
    metrics: { tally: { frames: 0, bytes: 0, conflated: 0 } },
    budget,
  } as unknown as OutletOptions;
  const encoder = {
    batch: ({ events }: Batch) => Buffer.from(events.map(({ channel }) => `${channel};`).join('')),
    event: ({ channel }: LiveEvent) => {
      if (channel === 'ticker.faulty') throw new Error('no bytes for it');
      return Buffer.from(`${channel};`);
    },
  };
  const outlet = new Outlet(encoder, sink, options, () => (exceeded += 1));
  sink.write('begin;');
  const subscription = { name: 'ticker.*', policy: { overflow: 'conflate' } } as unknown as Subscription;
  const deliver = (...channels: string[]): void =>
    outlet.deliver(
      {
        events: channels.map((channel, i) => new LiveEvent(channel, i + 1, 0, Buffer.from('{}'))),
      } as unknown as Batch,
      subscription,
    );
  const read = async (): Promise<string> => {
    let text = '';
    sink.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await new Promise((resolve) => setImmediate(resolve));
    outlet.beat();
    await new Promise((resolve) => setImmediate(resolve));
    return text;
  };
  return { outlet, deliver, read, exceeded: () => exceeded, faults };
}

describe('what is held for a slow client', () => {
  it('is forgotten for channels that it no longer has', async () => {
    const { outlet, deliver, read } = kit(1_000);
    deliver('ticker.A', 'ticker.B');
    outlet.keep((channel) => channel !== 'ticker.A');
    expect(await read()).toBe('begin;ticker.B;');
  });

  it('is written without what cannot be written, when it reads again', async () => {
    const { deliver, read, faults } = kit(1_000);
    deliver('ticker.A', 'ticker.faulty', 'ticker.B');
    expect(await read()).toBe('begin;ticker.A;ticker.B;');
    expect(faults).toEqual([new Error('no bytes for it')]);
  });

  it('cuts it off when too many channels make it too much', () => {
    const { deliver, exceeded } = kit(100);
    deliver('ticker.A', 'ticker.A');
    expect(exceeded()).toBe(0);
    deliver(...Array.from({ length: 12 }, (_, i) => `ticker.${i}`));
    expect(exceeded()).toBe(1);
  });
});
