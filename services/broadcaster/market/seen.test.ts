import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeenTrades } from './seen.ts';

const ts = Date.UTC(2024, 7, 8, 23, 59);
const restore = (seen: SeenTrades): SeenTrades =>
  SeenTrades.restore(JSON.parse(JSON.stringify(seen.snapshot())));

describe('SeenTrades', () => {
  it('agrees with a plain set, also after it was checkpointed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.boolean()), { maxLength: 150, size: 'max' }),
        (steps) => {
          const set = new Set<number>();
          let seen = new SeenTrades();
          for (const [id, checkpoint] of steps) {
            expect(seen.add('binance', { id: String(id), ts })).toBe(!set.has(id));
            set.add(id);
            if (checkpoint) seen = restore(seen);
          }
        },
      ),
    );
  });

  it('keeps a long run of ids as one range', () => {
    const seen = new SeenTrades();
    for (let id = 5_000; id > 0; id--) seen.add('binance', { id: String(id), ts });
    expect(seen.snapshot()[0]?.ranges).toEqual([[1, 5_000]]);
  });

  it('tells venues and days apart', () => {
    const seen = new SeenTrades();
    expect(seen.add('binance', { id: '1', ts })).toBe(true);
    expect(seen.add('kraken', { id: '1', ts })).toBe(true);
    expect(seen.add('binance', { id: '1', ts: ts + 60_000 })).toBe(true);
    expect(seen.add('binance', { id: '1', ts })).toBe(false);
  });

  it('remembers ids that are no integers, or too large for exact ones', () => {
    let seen = new SeenTrades();
    for (const id of ['a-1', '007', '99999999999999999999']) {
      expect(seen.add('http', { id, ts })).toBe(true);
      seen = restore(seen);
      expect(seen.add('http', { id, ts })).toBe(false);
    }
  });

  it('stays small when every id leaves a gap, and never forgets one it has seen', () => {
    const seen = new SeenTrades();
    for (let id = 0; id < 20_000; id += 2) seen.add('gappy', { id: String(id), ts });
    expect(seen.snapshot()[0]?.ranges.length).toBe(2_000);
    for (let id = 0; id < 20_000; id += 2) expect(seen.add('gappy', { id: String(id), ts })).toBe(false);
    expect(seen.add('gappy', { id: '19997', ts })).toBe(true);
  });

  it('keeps the thousand newest ids that are no integers', () => {
    const seen = new SeenTrades();
    for (let n = 0; n <= 1_000; n++) seen.add('http', { id: `x${n}`, ts });
    expect(seen.snapshot()[0]?.texts).toHaveLength(1_000);
    expect(seen.add('http', { id: 'x1000', ts })).toBe(false);
    expect(seen.add('http', { id: 'x0', ts })).toBe(true);
  });

  it('keeps the days that trades came for last', () => {
    const seen = new SeenTrades();
    for (let day = 0; day < 20; day++) {
      seen.add('binance', { id: '1', ts: day * 86_400_000 });
      // A late trade of the first day with every other one: that day stays.
      seen.add('binance', { id: String(day + 2), ts: 0 });
    }
    expect(seen.snapshot().map(({ day }) => day)).toEqual([13, 14, 15, 16, 17, 18, 19, 0]);
  });
});
