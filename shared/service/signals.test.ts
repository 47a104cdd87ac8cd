import { expect, test } from 'vitest';
import { DeadlineSignals } from './signals.ts';

const aborted = (signal: AbortSignal): Promise<number> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(Date.now()), { once: true }));

test('signals abort in the order of their deadlines, never before them', async () => {
  const signals = new DeadlineSignals();
  const now = Date.now();
  const late = signals.add(now + 120);
  const early = signals.add(now + 40);
  const order: string[] = [];
  late.signal.addEventListener('abort', () => order.push('late'));
  early.signal.addEventListener('abort', () => order.push('early'));
  expect(await aborted(early.signal)).toBeGreaterThanOrEqual(now + 40);
  expect(late.signal.aborted).toBe(false);
  expect(await aborted(late.signal)).toBeGreaterThanOrEqual(now + 120);
  expect(order).toEqual(['early', 'late']);
  expect((early.signal.reason as DOMException).name).toBe('TimeoutError');
});

test('a released signal never aborts, and later ones still do', async () => {
  const signals = new DeadlineSignals();
  const released = signals.add(Date.now() + 10);
  released.release();
  await aborted(signals.add(Date.now() + 60).signal);
  expect(released.signal.aborted).toBe(false);
  await aborted(signals.add(Date.now() + 30).signal);
});
