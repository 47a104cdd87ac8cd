import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Calls } from './calls.ts';
import { BusError } from './errors.ts';
import type { BusMessage } from './message.ts';

const message = { size: 1, status: 0 } as BusMessage;

/** A call that writes down how it ended. */
function call(name: string, ends: string[], many = false) {
  return {
    subject: name,
    many,
    resolve: () => void ends.push(`${name} answered`),
    reject: ({ kind }: BusError) => void ends.push(`${name} ${kind}`),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('calls in flight', () => {
  test('are answered once', () => {
    const calls = new Calls();
    const ends: string[] = [];
    const token = calls.add(call('a', ends));
    calls.answer(token, message);
    calls.answer(token, message);
    calls.answer(token + 1, message);
    expect(ends).toEqual(['a answered']);
    expect(calls.size).toBe(0);
  });

  test('with many answers stay until they are removed', () => {
    const calls = new Calls();
    const ends: string[] = [];
    const token = calls.add(call('a', ends, true));
    calls.answer(token, message);
    calls.answer(token, message);
    calls.remove(token);
    calls.answer(token, message);
    expect(ends).toEqual(['a answered', 'a answered']);
    expect(calls.size).toBe(0);
  });

  test('that take long are kept however many come and go meanwhile, and late answers reach nobody else', () => {
    const calls = new Calls();
    const ends: string[] = [];
    const long = [calls.add(call('first', ends)), calls.add(call('second', ends))];
    const others: string[] = [];
    const tokens = new Set(long);
    for (let i = 0; i < 10_000; i++) {
      const token = calls.add(call('other', others));
      tokens.add(token);
      calls.answer(token, message);
    }
    expect(tokens.size).toBe(10_002);
    expect(others).toHaveLength(10_000);
    for (const token of tokens) if (!long.includes(token)) calls.answer(token, message);
    expect(ends).toEqual([]);
    for (const token of long) calls.answer(token, message);
    expect(ends).toEqual(['first answered', 'second answered']);
  });

  test('may be any number', () => {
    const calls = new Calls();
    const ends: string[] = [];
    const tokens = Array.from({ length: 5_000 }, (_, i) => calls.add(call(String(i), ends)));
    expect(calls.size).toBe(5_000);
    for (const token of tokens) calls.answer(token, message);
    expect(ends).toEqual(Array.from({ length: 5_000 }, (_, i) => `${i} answered`));
    expect(calls.size).toBe(0);
  });

  test('end at their deadline', () => {
    const calls = new Calls();
    const ends: string[] = [];
    calls.add(call('soon', ends), Date.now() + 100);
    const answered = calls.add(call('answered', ends), Date.now() + 100);
    calls.add(call('later', ends), Date.now() + 1_000);
    calls.answer(answered, message);
    vi.advanceTimersByTime(200);
    expect(ends).toEqual(['answered answered', 'soon timeout']);
    vi.advanceTimersByTime(1_000);
    expect(ends.at(-1)).toBe('later timeout');
    calls.stop();
  });

  test('fail by subject or all together, in their order; calls made by that stay', () => {
    const calls = new Calls();
    const ends: string[] = [];
    calls.add(call('a', ends));
    calls.add(call('b', ends));
    calls.add({ ...call('a', ends), reject: () => void calls.add(call('again', ends)) });
    expect(calls.fail(new BusError('rejected', 'no'), 'a')).toBe(2);
    expect(ends).toEqual(['a rejected']);
    expect(calls.size).toBe(2);
    expect(calls.fail(new BusError('disconnected', 'gone'))).toBe(2);
    expect(ends).toEqual(['a rejected', 'b disconnected', 'again disconnected']);
    expect(calls.size).toBe(0);
  });
});
