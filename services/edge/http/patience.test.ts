import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Patience, type Transfer } from './patience.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function watched(patience: Patience, bytes = 0): Transfer & { readonly expired: () => boolean } {
  const expire = vi.fn();
  const transfer = {
    startedAt: performance.now(),
    bytes,
    expire,
    expired: () => expire.mock.calls.length > 0,
  };
  patience.begin(transfer);
  return transfer;
}

it('ends for a sender of one byte every ten seconds soon after the grace', () => {
  const patience = new Patience({ graceMs: 10_000, leastRate: 2048 });
  const slow = watched(patience);
  slow.bytes = 1;
  vi.advanceTimersByTime(9_500);
  expect(slow.expired()).toBe(false);
  slow.bytes = 2;
  vi.advanceTimersByTime(1_500);
  expect(slow.expired()).toBe(true);
  expect(patience.size).toBe(0);
});

it('lasts for an upload of 1 MiB at 3 KiB a second, and for a pause that the rest makes up for', () => {
  const patience = new Patience({ graceMs: 10_000, leastRate: 2048 });
  const steady = watched(patience);
  for (let second = 0; second < 340; second++) {
    // Twenty seconds of nothing in the middle of it.
    if (second < 100 || second >= 120) steady.bytes += 3 * 1024;
    vi.advanceTimersByTime(1_000);
  }
  expect(steady.expired()).toBe(false);
  patience.end(steady);
  vi.advanceTimersByTime(1_000_000);
  expect(steady.expired()).toBe(false);
});

it('gives an answer the time its size needs', () => {
  const patience = new Patience({ graceMs: 1_000, leastRate: 1_000 });
  const small = watched(patience, 0);
  const large = watched(patience, 5_000);
  vi.advanceTimersByTime(1_600);
  expect([small.expired(), large.expired()]).toEqual([true, false]);
  vi.advanceTimersByTime(5_000);
  expect(large.expired()).toBe(true);
});

it('keeps no timer while there is nothing to watch', () => {
  const patience = new Patience({ graceMs: 1_000, leastRate: 1_000 });
  const transfer = watched(patience);
  patience.end(transfer);
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(0);
});
