import { array, assert, boolean, double, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServerClock } from './server-clock.ts';

describe('the server’s time', () => {
  it('lies between the bounds, whatever messages take and however the two clocks drift', () => {
    const look = record({
      after: integer({ min: 1, max: 5_000 }),
      there: double({ min: 0, max: 80, noNaN: true }),
      back: double({ min: 0, max: 80, noNaN: true }),
    });
    assert(
      property(
        array(look, { minLength: 1, maxLength: 30 }),
        double({ min: -400e-6, max: 400e-6, noNaN: true }),
        (looks, drift) => {
          let server = 1_700_000_000_000;
          let own = 12_345;
          const pass = (ms: number): void => {
            server += ms;
            own += ms * (1 + drift);
          };
          let steps = 0;
          const clock = new ServerClock({ now: () => own, onStep: () => steps++ });
          for (const { after, there, back } of looks) {
            pass(after);
            const sentAt = own;
            pass(there);
            const timeMs = server;
            pass(back);
            clock.observe({ timeMs, sentAt, receivedAt: own });
            for (const later of [0, 100, 2_000]) {
              pass(later);
              const { earliest, latest } = clock.bounds();
              // A double holds these times to a quarter of a microsecond.
              expect(earliest).toBeLessThanOrEqual(server + 0.001);
              expect(latest).toBeGreaterThanOrEqual(server - 0.001);
            }
          }
          expect(steps).toBe(0);
        },
      ),
    );
  });

  it('is told precisely once one look was quick, and less so as that becomes old', () => {
    let own = 0;
    const clock = new ServerClock({ now: () => own });
    expect(clock.uncertaintyMs).toBe(Number.POSITIVE_INFINITY);
    clock.observe({ timeMs: 1_000, sentAt: 0, receivedAt: 0.4 });
    own = 0.4;
    expect(clock.uncertaintyMs).toBeCloseTo(0.4);
    own = 1_000;
    expect(clock.uncertaintyMs).toBeCloseTo(1.4, 1);
    // A slow look takes nothing away from what is known.
    clock.observe({ timeMs: 2_050, sentAt: 1_000, receivedAt: 1_100 });
    own = 1_100;
    expect(clock.uncertaintyMs).toBeLessThan(2);
  });

  it('follows a clock that was set, in either direction, and says so', () => {
    assert(
      property(integer({ min: 50, max: 10_000_000 }), boolean(), (by, forward) => {
        const steps: number[] = [];
        const clock = new ServerClock({ now: () => 2_000, onStep: (ms) => steps.push(ms) });
        const step = forward ? by : -by;
        clock.observe({ timeMs: 50_000, sentAt: 999, receivedAt: 1_000 });
        clock.observe({ timeMs: 51_000 + step, sentAt: 1_999, receivedAt: 2_000 });
        const { earliest, latest } = clock.bounds();
        expect(steps.map(Math.round)).toEqual([step]);
        expect(earliest).toBeCloseTo(51_000 + step, 2);
        expect(latest).toBeCloseTo(51_001 + step, 2);
      }),
    );
  });
});
