import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionOver } from './renewal.ts';
import type { KnownSession } from './session-store.ts';
import type { SessionState } from './stored-session.ts';
import { WatchedSessions } from './watched-sessions.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const tick = () => vi.advanceTimersByTimeAsync(1_000);
const ticket = (id = 'a') => ({ login: 'main', entry: `main.${id}` }) as never;
const known = (state: Partial<SessionState>) => ({ state }) as KnownSession;
const fresh = known({ access: null });
const over = known({ access: { from: 0, to: 1 } });

/** Sessions as they are at hand, found and refreshed in a test; fresh ones of a login that is there unless it says otherwise. */
function scene() {
  const parts = {
    logins: { get: vi.fn(() => ({ name: 'main' }) as never) },
    store: { peek: vi.fn((): KnownSession | undefined => fresh) },
    renewal: { pausing: vi.fn(() => false), renew: vi.fn(() => Promise.resolve()) },
    find: vi.fn((): Promise<KnownSession | null> => Promise.resolve(fresh)),
  };
  const told: string[] = [];
  const watched = new WatchedSessions(parts);
  const add = (id = 'a') =>
    watched.add(
      ticket(id),
      (why) => told.push(`${id} ${why}`),
      () => told.push(`${id} changed`),
    );
  return { ...parts, watched, told, add };
}

describe('with every tick', () => {
  it('a session that is at hand and fresh costs nothing', async () => {
    const { add, find, told } = scene();
    add();
    await tick();
    expect([find.mock.calls, told]).toEqual([[], []]);
  });

  it('one that is not at hand is read, one whose time has come is refreshed', async () => {
    const { add, store, find, renewal, told } = scene();
    store.peek.mockReturnValue(undefined);
    add();
    await tick();
    expect([find.mock.calls.length, renewal.renew.mock.calls.length]).toEqual([1, 0]);
    store.peek.mockReturnValue(over);
    find.mockResolvedValue(over);
    await tick();
    expect(renewal.renew.mock.calls.length).toBe(1);
    expect(told).toEqual(['a changed', 'a changed']);
  });

  it('one that could not be read or refreshed goes on, and is tried again when the pause is over', async () => {
    const { add, store, find, renewal, told } = scene();
    store.peek.mockReturnValue(over);
    find.mockRejectedValueOnce(new Error('NATS is away')).mockResolvedValue(over);
    renewal.renew.mockRejectedValueOnce(new Error('the provider is away'));
    add();
    await tick();
    await tick();
    expect([find.mock.calls.length, renewal.renew.mock.calls.length, told]).toEqual([2, 1, []]);
    renewal.pausing.mockReturnValue(true);
    await tick();
    expect(find.mock.calls.length).toBe(2);
    renewal.pausing.mockReturnValue(false);
    await tick();
    expect(told).toEqual(['a changed']);
  });

  it.each([
    ['is gone', () => Promise.resolve(null), () => Promise.resolve()],
    ['is not refreshed any more', () => Promise.resolve(over), () => Promise.reject(new SessionOver('no'))],
  ])('one that %s ends its connection, once', async (_, find, renew) => {
    const { add, told, ...parts } = scene();
    parts.store.peek.mockReturnValue(undefined);
    parts.find.mockImplementation(find);
    parts.renewal.renew.mockImplementation(renew);
    add();
    await tick();
    await tick();
    expect(told).toEqual(['a revoked']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('one whose login has left the document is left to those who see to that', async () => {
    const { add, logins, store, find, told } = scene();
    logins.get.mockReturnValue(undefined as never);
    store.peek.mockReturnValue(undefined);
    add();
    await tick();
    expect([find.mock.calls, told]).toEqual([[], []]);
  });
});

it('a change of an entry is told to its own connections, a change of any of them to all', async () => {
  const { add, watched, told } = scene();
  add('a');
  add('a');
  add('b');
  watched.changed('main.a');
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(['a changed', 'a changed']);
  watched.changed(null);
  await vi.advanceTimersByTimeAsync(0);
  expect(told.slice(2)).toEqual(['a changed', 'a changed', 'b changed']);
});

describe('who takes it back', () => {
  it.each([
    ['fresh', () => Promise.resolve(fresh)],
    ['gone', () => Promise.resolve(null)],
    ['over', () => Promise.reject(new SessionOver('no'))],
  ])('while the session is being read hears nothing, though it is %s', async (_, find) => {
    const { add, watched, told, ...parts } = scene();
    parts.find.mockImplementation(find);
    const stop = add();
    watched.changed('main.a');
    stop();
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual([]);
  });

  it('last takes the timer along, and the next one has it again', async () => {
    const { add, store, find } = scene();
    store.peek.mockReturnValue(undefined);
    const stops = [add('a'), add('b')];
    expect(vi.getTimerCount()).toBe(1);
    for (const stop of stops) stop();
    expect(vi.getTimerCount()).toBe(0);
    add('c');
    await tick();
    expect(find.mock.calls.length).toBe(1);
  });
});
