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
  // Both are listened to from the start: after a pause of this process they may abort in one turn.
  const [first, second] = await Promise.all([aborted(early.signal), aborted(late.signal)]);
  expect(first).toBeGreaterThanOrEqual(now + 40);
  expect(second).toBeGreaterThanOrEqual(now + 120);
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
