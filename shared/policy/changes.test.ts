import { describe, expect, test } from 'vitest';
import { documentChanges } from './changes.ts';

const changesOf = (before: unknown, after: unknown): unknown[] => documentChanges(before, after);

describe('the changes between two documents', () => {
  test('are none between equal ones, in whatever order their members are written', () => {
    expect(changesOf({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toEqual([]);
  });

  test('name what was added, removed and changed, with both values', () => {
    expect(
      changesOf(
        { limits: { burst: { limit: 100, window: '1m' } }, roles: { buyer: {} } },
        { limits: { burst: { limit: 200, window: '1m' } }, quotas: { month: { limit: 5 } } },
      ),
    ).toEqual([
      { op: 'change', path: 'limits.burst.limit', before: 100, after: 200 },
      { op: 'remove', path: 'roles', before: { buyer: {} } },
      { op: 'add', path: 'quotas', after: { month: { limit: 5 } } },
    ]);
  });

  test('compare routes by id, wherever they stand', () => {
    const get = { id: 'orders.get', path: '/v1/orders/{id}' };
    const list = { id: 'orders.list', path: '/v1/orders' };
    const added = { id: 'a', path: '/a' };
    expect(changesOf({ routes: [get, list] }, { routes: [added, { ...list, timeout: '1s' }, get] })).toEqual([
      { op: 'add', path: 'routes[orders.list].timeout', after: '1s' },
      { op: 'add', path: 'routes[a]', after: added },
    ]);
  });

  test('list the members of a list of names that came and went', () => {
    expect(changesOf({ deny: ['10.0.0.0/8', 'bad'] }, { deny: ['bad', '::/0'] })).toEqual([
      { op: 'remove', path: 'deny[10.0.0.0/8]', before: '10.0.0.0/8' },
      { op: 'add', path: 'deny[::/0]', after: '::/0' },
    ]);
  });

  test('tell another order, where order means something', () => {
    expect(changesOf({ auth: ['key', 'jwt'] }, { auth: ['jwt', 'key'] })).toEqual([
      { op: 'change', path: 'auth', before: ['key', 'jwt'], after: ['jwt', 'key'] },
    ]);
  });

  test('tell another order of rules beside a change in one of them, and none of routes', () => {
    const open = { match: 'news.*', auth: 'public' };
    const closed = { match: 'news.>', auth: ['key'] };
    expect(
      changesOf({ channels: [open, closed] }, { channels: [{ ...closed, wildcards: false }, open] }),
    ).toEqual([
      { op: 'add', path: 'channels[news.>].wildcards', after: false },
      { op: 'change', path: 'channels', before: ['news.*', 'news.>'], after: ['news.>', 'news.*'] },
    ]);
    const [first, second] = [{ id: 'a' }, { id: 'b' }];
    expect(changesOf({ routes: [first, second] }, { routes: [second, first] })).toEqual([]);
  });

  test('show a list whose members cannot be told apart as a whole', () => {
    expect(changesOf({ x: [[1], [2]] }, { x: [[1], [3]] })).toHaveLength(1);
    expect(changesOf({ x: ['a', 'a'] }, { x: ['a'] })).toEqual([
      { op: 'change', path: 'x', before: ['a', 'a'], after: ['a'] },
    ]);
  });

  test('quote names that are no plain words, and take prototype members for what they are', () => {
    expect(changesOf({}, { overrides: { 'orders.*': {} } })).toHaveLength(1);
    expect(changesOf({ overrides: {} }, { overrides: { 'orders.*': { cost: 2 } } })).toEqual([
      { op: 'add', path: 'overrides["orders.*"]', after: { cost: 2 } },
    ]);
    const hostile: unknown = JSON.parse('{"__proto__": {"x": 1}}');
    expect(changesOf({}, hostile)).toEqual([{ op: 'add', path: '__proto__', after: { x: 1 } }]);
  });
});
