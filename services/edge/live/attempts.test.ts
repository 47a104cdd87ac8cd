import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Attempts } from './attempts.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const unavailable = (): Promise<void> => Promise.reject(new Error('unavailable'));

describe('attempts', () => {
  it('begin in the same turn, and end with the first that succeeds', async () => {
    const attempts = new Attempts({ first: 50, longest: 1_000 }, () => expect.unreachable());
    let begun = 0;
    const end = attempts.start(() => {
      begun += 1;
      return Promise.resolve();
    });
    expect(begun).toBe(1);
    await end;
    await vi.runAllTimersAsync();
    expect(begun).toBe(1);
  });

  it('rest twice as long after every failure, up to the longest rest', async () => {
    const failures: unknown[] = [];
    const attempts = new Attempts({ first: 50, longest: 150 }, (error) => failures.push(error));
    const start = Date.now();
    const times: number[] = [];
    await Promise.all([
      attempts.start(() => {
        times.push(Date.now() - start);
        return times.length === 5 ? Promise.resolve() : unavailable();
      }),
      vi.runAllTimersAsync(),
    ]);
    expect(times).toEqual([0, 50, 150, 300, 450]);
    expect(failures).toEqual(Array.from({ length: 4 }, () => new Error('unavailable')));
  });

  it('end when something newer is started, which gets another number', async () => {
    const attempts = new Attempts({ first: 50, longest: 150 }, () => {});
    const begun: number[] = [];
    const old = attempts.start((number) => {
      begun.push(number);
      return unavailable();
    });
    await attempts.start((number) => {
      begun.push(number);
      expect(number).toBe(attempts.newest);
      return Promise.resolve();
    });
    await Promise.all([old, vi.runAllTimersAsync()]);
    expect(begun).toEqual([1, 2]);
  });

  it('end when they are overtaken by nothing', async () => {
    const attempts = new Attempts({ first: 50, longest: 150 }, () => {});
    let begun = 0;
    const end = attempts.start(() => {
      begun += 1;
      return unavailable();
    });
    attempts.overtake();
    await Promise.all([end, vi.runAllTimersAsync()]);
    expect(begun).toBe(1);
  });
});
