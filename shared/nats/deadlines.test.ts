import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadlines } from './deadlines.ts';

describe('Deadlines', () => {
  let expired: number[];
  let deadlines: Deadlines;

  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_007 });
    expired = [];
    deadlines = new Deadlines((token) => expired.push(token));
  });
  afterEach(() => {
    deadlines.stop();
    vi.useRealTimers();
  });

  it('expires a token at its deadline, not before and at most two slots after', () => {
    deadlines.add(1, Date.now() + 100);
    vi.advanceTimersByTime(99);
    expect(expired).toEqual([]);
    vi.advanceTimersByTime(51);
    expect(expired).toEqual([1]);
  });

  it('keeps one timer for all, and none when nothing waits', () => {
    for (let token = 0; token < 10_000; token += 1) deadlines.add(token, Date.now() + 50 + (token % 500));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(700);
    expect(expired).toHaveLength(10_000);
    expect(vi.getTimerCount()).toBe(0);
    deadlines.add(1, Date.now() + 10);
    expect(vi.getTimerCount()).toBe(1);
  });

  it('takes an earlier deadline after a later one', () => {
    deadlines.add(1, Date.now() + 10_000);
    deadlines.add(2, Date.now() + 100);
    vi.advanceTimersByTime(200);
    expect(expired).toEqual([2]);
    vi.advanceTimersByTime(10_000);
    expect(expired).toEqual([2, 1]);
  });

  it('expires a deadline that has passed already at the next slot', () => {
    deadlines.add(1, Date.now() - 5_000);
    vi.advanceTimersByTime(50);
    expect(expired).toEqual([1]);
  });

  it('forgets everything when stopped', () => {
    deadlines.add(1, Date.now() + 100);
    deadlines.stop();
    vi.advanceTimersByTime(1_000);
    expect(expired).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
