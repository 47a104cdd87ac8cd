import { expect, it } from 'vitest';
import { Pulse, type Beater } from './pulse.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Beats that go wrong, and beats that are counted. */
function kit() {
  const faults: unknown[] = [];
  const beats: string[] = [];
  const pulse = new Pulse((error) => faults.push(error));
  const good = (name: string): Beater => ({ beat: () => void beats.push(name) });
  const bad = (name: string): Beater => ({
    beat: () => {
      throw new Error(name);
    },
  });
  return { pulse, faults, beats, good, bad };
}

it('a feed that cannot be fanned out is told of, and keeps nothing from the others', async () => {
  const { pulse, faults, beats, good, bad } = kit();
  pulse.feed(bad('feed'));
  pulse.feed(good('feed'));
  pulse.outlet(good('outlet'));
  await nextTurn();
  expect(beats).toEqual(['feed', 'outlet']);
  expect(faults).toEqual([new Error('feed')]);
});

it('a connection that cannot be written to is told of, and keeps nothing from the others', async () => {
  const { pulse, faults, beats, good, bad } = kit();
  pulse.outlet(bad('outlet'));
  pulse.outlet(good('first'));
  await nextTurn();
  pulse.outlet(good('second'));
  await nextTurn();
  expect(beats).toEqual(['first', 'second']);
  expect(faults).toEqual([new Error('outlet')]);
});

it('hands on the fault of what it is given to do', () => {
  const { pulse, faults, beats, good, bad } = kit();
  pulse.guard(() => bad('work').beat());
  pulse.guard(() => good('work').beat());
  expect(beats).toEqual(['work']);
  expect(faults).toEqual([new Error('work')]);
});
