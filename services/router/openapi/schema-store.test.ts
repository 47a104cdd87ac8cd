import { plainRoute, type CompiledRoute, type RouteChanges } from '@sluice/routes';
import { beforeEach, describe, expect, test } from 'vitest';
import { RouteChecks } from '../validation/route-checks.ts';
import { SchemaStore } from './schema-store.ts';

const route = (id: string): CompiledRoute => ({
  ...plainRoute,
  id,
  method: 'GET',
  path: `/v1/${id}`,
  origin: 'discovered',
  service: { name: 'orders', version: '1.0.0' },
  subject: id,
  encoding: 'raw',
  timeoutMs: 1_000,
  schemaSubject: `schemas.${id}`,
});

const maxAgeMs = 60_000;
const good = { query: { type: 'object', properties: { limit: { type: 'integer' } } } };

/** What the service answers; null: nothing in time. */
let answer: object | null;
/** Called when the service is asked, before it answers. */
let asked: () => void;
let questions: number;
let now: number;
let reports: string[];
let table: Map<string, CompiledRoute>;
let changed: (changes: RouteChanges) => void;
let store: SchemaStore;
let checks: RouteChecks;

beforeEach(() => {
  answer = good;
  asked = () => {};
  questions = 0;
  now = 0;
  reports = [];
  table = new Map();
  const request = async () => {
    questions++;
    asked();
    if (answer === null) throw new Error('no answer in time');
    const text = JSON.stringify(answer);
    return { data: Buffer.from(text), text: () => text, json: () => JSON.parse(text) as unknown };
  };
  const report = ({ detail }: { detail: string }): void => void reports.push(detail);
  store = new SchemaStore({
    bus: { request } as never,
    table: {
      get: (id: string) => table.get(id),
      routes: () => table.values(),
      onChange: (listener: typeof changed) => ((changed = listener), () => {}),
    } as never,
    maxAgeMs,
    report,
    now: () => now,
  });
  checks = new RouteChecks({ schemas: store, report });
});

function add(id: string): CompiledRoute {
  const added = route(id);
  table.set(id, added);
  return added;
}

function remove(id: string): void {
  table.delete(id);
  changed({ put: [], removed: [id] });
}

/** Whether a request to the route is checked; false where it is refused, because nobody can check it. */
async function open(of: CompiledRoute): Promise<boolean> {
  try {
    await checks.of(of);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'unavailable' });
    return false;
  }
}

/** Nothing here takes longer than a turn of the event loop. */
const answered = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a schema that was not answered', () => {
  test('is asked for again half a second later, by a request that waits for it', async () => {
    const orders = add('orders');
    answer = null;
    expect(await open(orders)).toBe(false);
    answer = good;
    now += 499;
    expect([await open(orders), questions]).toEqual([false, 1]);
    now += 1;
    expect([await open(orders), questions]).toEqual([true, 2]);
    expect(store.problems).toBe(0);
  });

  test('is asked for less and less often, up to ten seconds, and told of once', async () => {
    const orders = add('orders');
    answer = null;
    const waits: number[] = [];
    for (let last = now; now < 40_000; now += 100) {
      const before = questions;
      expect(await open(orders)).toBe(false);
      if (questions === before) continue;
      waits.push(now - last);
      last = now;
    }
    expect(waits).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    expect(reports).toEqual(['no answer in time']);
  });

  test('is asked for once by all requests that wait', async () => {
    const orders = add('orders');
    expect(await Promise.all([open(orders), open(orders), store.refresh()])).toEqual([true, true, undefined]);
    expect(questions).toBe(1);
  });

  test('leaves the one before in force, and is asked for again soon', async () => {
    const orders = add('orders');
    await open(orders);
    answer = null;
    now += maxAgeMs;
    expect(await open(orders)).toBe(true);
    await answered();
    now += 499;
    expect([await open(orders), questions]).toEqual([true, 2]);
    now += 1;
    expect([await open(orders), questions]).toEqual([true, 3]);
    await answered();
    expect(store.problems).toBe(0);
  });
});

describe('a route that goes while its schema is asked for', () => {
  test('leaves no problem behind', async () => {
    answer = null;
    for (let n = 0; n < 10; n++) {
      const gone = add(`r${n}`);
      asked = () => remove(gone.id);
      expect(await open(gone)).toBe(false);
    }
    expect([store.problems, reports]).toEqual([0, []]);
  });

  test('leaves no schema behind, and its last request is checked', async () => {
    const gone = add('orders');
    asked = () => remove('orders');
    expect(await open(gone)).toBe(true);
    expect(store.fragment(gone)).toBeNull();
  });

  test('does not take away what the route after it has', async () => {
    const old = add('orders');
    const { promise, resolve } = Promise.withResolvers<void>();
    let next: CompiledRoute | undefined;
    asked = () => {
      asked = () => {};
      next = add('orders');
      resolve(store.load(next).then(() => {}));
      answer = null;
    };
    await Promise.all([store.load(old), promise]);
    expect(await open(next as CompiledRoute)).toBe(true);
    expect([questions, store.problems, reports]).toEqual([2, 0, []]);
  });
});
