import { slotKey } from '@sluice/limits';
import type { Count } from '@sluice/nats';
import { describe, expect, it } from 'vitest';
import { PastSlots } from './past-slots.ts';

const window = { counter: 'policy.key', windowMs: 1_000 };
const wait = (): Promise<void> => Promise.resolve();

/** Counters by slot; every read is noted. */
function counters(totals: Record<number, number>) {
  let seq = 100;
  const reads: number[] = [];
  const behind: number[] = [];
  return {
    reads,
    /** As many reads are answered by a replica that is so many additions behind. */
    behind,
    get seq() {
      return seq;
    },
    add(slot: number, n: number): number {
      totals[slot] = (totals[slot] ?? 0) + n;
      return ++seq;
    },
    async read(keys: readonly string[]): Promise<Map<string, Count>> {
      reads.push(keys.length);
      const at = seq - (behind.shift() ?? 0);
      const slots = Object.entries(totals).map(([slot, total]) => [
        slotKey(window.counter, window.windowMs, Number(slot)),
        { total, seq: at },
      ]);
      const found = new Map(slots as [string, Count][]);
      return new Map(keys.flatMap((key) => (found.has(key) ? [[key, found.get(key) as Count]] : [])));
    },
  };
}

describe('the past of a key', () => {
  it('is read once per slot, and of the next slot only what may have changed', async () => {
    const store = counters({ 15: 1, 18: 2, 20: 3 });
    const past = new PastSlots(store, 10, wait);
    const seq = store.add(25, 1);
    expect([...(await past.before(window, 25, seq))]).toEqual([1, 0, 0, 2, 0, 3, 0, 0, 0, 0]);
    await past.before(window, 25, store.add(25, 1));
    // Tokens came back for a slot that was over.
    store.add(24, 4);
    expect([...(await past.before(window, 26, store.add(26, 1)))]).toEqual([0, 0, 2, 0, 3, 0, 0, 0, 4, 2]);
    expect([...(await past.before(window, 90, store.add(90, 1)))]).toEqual(
      Array.from({ length: 10 }, () => 0),
    );
    expect(store.reads).toEqual([11, 3, 11]);
  });

  it('is asked for again where a replica has not seen what was added before', async () => {
    const store = counters({ 20: 3 });
    const past = new PastSlots(store, 10, wait);
    const seq = store.add(25, 1);
    store.behind.push(5, 1);
    expect([...(await past.before(window, 25, seq))]).toContain(3);
    expect(store.reads.length).toBe(3);
    const stuck = store.add(26, 1);
    store.behind.push(...Array.from({ length: 50 }, () => 9));
    await expect(past.before(window, 26, stuck)).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('is remembered of a bounded number of keys', async () => {
    const store = counters({});
    const past = new PastSlots(
      { read: async (keys) => new Map([[keys.at(-1) as string, { total: 1, seq: 9 }]]) },
      100,
      wait,
    );
    for (let n = 0; n < 10_000; n++) await past.before({ ...window, counter: `policy.${n}` }, 25, 9);
    expect(past.size).toBe(100);
    past.clear();
    expect([past.size, store.seq]).toEqual([0, 100]);
  });
});
