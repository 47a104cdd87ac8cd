import { assert, array, integer, property, record } from 'fast-check';
import { expect, it } from 'vitest';
import { LocalWindow } from './local-window.ts';

it('never holds more than its limit in any window, and gives everything back after a quiet one', () => {
  const calls = array(record({ after: integer({ min: 0, max: 400 }), cost: integer({ min: 1, max: 4 }) }), {
    maxLength: 200,
  });
  assert(
    property(
      calls,
      integer({ min: 1, max: 30 }),
      integer({ min: 10, max: 1_500 }),
      (steps, limit, windowMs) => {
        const window = new LocalWindow(limit, windowMs);
        const taken: { at: number; cost: number }[] = [];
        let now = 5;
        for (const { after, cost } of steps) {
          now += after;
          if (window.room(now) < cost) continue;
          window.take(cost, now);
          taken.push({ at: now, cost });
          const held = taken.filter(({ at }) => at > now - windowMs).reduce((sum, { cost }) => sum + cost, 0);
          expect(held).toBeLessThanOrEqual(limit);
        }
        expect(window.room(now + 2 * windowMs + 20)).toBe(limit);
      },
    ),
  );
});
