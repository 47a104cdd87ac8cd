import { expect, it } from 'vitest';
import { Audience } from './audience.ts';
import { Batch } from './batch.ts';
import { LiveEvent } from './live-event.ts';
import type { Subscription } from './subscription.ts';

function subscription(deliver: (batch: Batch) => void): Subscription {
  return { name: 'a.b', skip: 0, subscriber: { deliver } } as unknown as Subscription;
}

it('a client that cannot be given the events of a turn keeps them from nobody else', () => {
  const audience = new Audience();
  const fault = new Error('no bytes for it');
  const got: number[] = [];
  const faulty = subscription(() => {
    throw fault;
  });
  const fine = subscription(({ events }) => void got.push(...events.map(({ seq }) => seq)));
  for (const one of [faulty, fine]) audience.join(one, 0);
  const batch = new Batch([new LiveEvent('a.b', 7, 0, Buffer.from('1'))], () => '');
  expect(() => audience.deliver(batch)).toThrow(fault);
  expect(got).toEqual([7]);
});
