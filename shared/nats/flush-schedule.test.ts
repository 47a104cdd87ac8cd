import { describe, expect, it } from 'vitest';
import { FlushSchedule } from './flush-schedule.ts';

/** A schedule, and what it wrote: messages in each batch. */
function schedule() {
  const state = { waiting: 0, bytesEach: 100, batches: [] as number[] };
  const flushes = new FlushSchedule({
    bytes: () => state.waiting * state.bytesEach,
    flush: () => {
      state.batches.push(state.waiting);
      state.waiting = 0;
    },
  });
  const add = (messages: number): void => {
    for (let i = 0; i < messages; i += 1) {
      state.waiting += 1;
      flushes.add();
    }
  };
  return { state, add };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what waits is written', () => {
  it('at the end of the turn when it is one message', async () => {
    const { state, add } = schedule();
    add(1);
    expect(state.batches).toEqual([]);
    await nextTurn();
    expect(state.batches).toEqual([1]);
  });

  it('a turn later when several wait, with what that turn brings', async () => {
    const { state, add } = schedule();
    add(3);
    await nextTurn();
    expect(state.batches).toEqual([]);
    add(2);
    await nextTurn();
    expect(state.batches).toEqual([5]);
  });

  it('every second turn while messages keep coming', async () => {
    const { state, add } = schedule();
    for (let turn = 0; turn < 6; turn += 1) {
      add(2);
      await nextTurn();
    }
    expect(state.batches).toEqual([4, 4, 4]);
  });

  it('at once when a write is full', async () => {
    const { state, add } = schedule();
    state.bytesEach = 40_000;
    add(2);
    await nextTurn();
    expect(state.batches).toEqual([2]);
  });

  it('anew after everything has left', async () => {
    const { state, add } = schedule();
    add(2);
    await nextTurn();
    await nextTurn();
    add(1);
    await nextTurn();
    expect(state.batches).toEqual([2, 1]);
  });
});
