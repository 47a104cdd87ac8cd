import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Conflator } from './conflator.ts';

let conflator: Conflator;
let published: string[];
let state: string;

beforeEach(() => {
  vi.useFakeTimers();
  published = [];
  state = '1';
  conflator = new Conflator({ publish: (channel, text) => published.push(`${channel} ${text}`) });
  conflator.declare('c', 100, () => [state]);
  conflator.resume();
});

afterEach(() => {
  conflator.stop();
  vi.useRealTimers();
});

function change(to: string): void {
  state = to;
  conflator.touch('c');
  conflator.flush();
}

describe('Conflator', () => {
  it('publishes the first change at once, then one per interval, and the last one always', () => {
    change('2');
    expect(published).toEqual(['c 2']);
    for (let i = 3; i <= 50; i++) {
      change(String(i));
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(1_000);
    expect(published.length).toBeGreaterThan(3);
    expect(published.length).toBeLessThan(8);
    expect(published.at(-1)).toBe('c 50');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not publish the same state twice', () => {
    change('2');
    vi.advanceTimersByTime(1_000);
    change('2');
    vi.advanceTimersByTime(1_000);
    expect(published).toEqual(['c 2']);
    conflator.forget();
    vi.advanceTimersByTime(1_000);
    expect(published).toEqual(['c 2', 'c 2']);
  });

  it('publishes a final state whatever the pace', () => {
    change('2');
    conflator.final('c', 'end', 'c:1');
    expect(published).toEqual(['c 2', 'c end']);
  });

  it('publishes a final state once more that is not known to be stored, and not one that is', () => {
    change('2');
    conflator.final('c', '2', 'c:1');
    expect(published).toEqual(['c 2', 'c 2']);
    conflator.stored('c', '2');
    conflator.final('c', '2', 'c:1');
    expect(published).toEqual(['c 2', 'c 2']);
  });

  it('publishes what still waits for its interval when it is drained', () => {
    change('2');
    change('3');
    expect(published).toEqual(['c 2']);
    conflator.drain();
    expect(published).toEqual(['c 2', 'c 3']);
  });

  it('gathers changes while it is paused', () => {
    const paused = new Conflator({ publish: (channel, text) => published.push(`${channel} ${text}`) });
    paused.declare('p', 100, () => [state], 'known');
    paused.touch('p');
    paused.flush();
    vi.advanceTimersByTime(1_000);
    expect(published).toEqual([]);
    state = 'known';
    paused.resume();
    expect(published).toEqual([]);
    state = 'new';
    paused.touch('p');
    vi.advanceTimersByTime(1_000);
    expect(published).toEqual(['p new']);
    paused.stop();
  });
});
