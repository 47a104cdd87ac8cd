import { describe, expect, it } from 'vitest';
import { encodeTrade, parseTrade } from '@sluice/market';
import { RandomWalk, type WalkSpec } from './random-walk.ts';

const spec: WalkSpec = {
  symbol: 'BTCUSDT',
  price: 60_000,
  priceDigits: 2,
  sizeDigits: 5,
  size: 0.01,
  rate: 8,
};

/** mulberry32: repeatable. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

describe('the simulated market', () => {
  it('makes trades that every reader accepts, with ids that only grow', () => {
    const walk = new RandomWalk(spec, seeded(1));
    let now = 1_700_000_000_000;
    let last = 0n;
    for (let burst = 0; burst < 5_000; burst += 1) {
      // The clock stands still now and then: several bursts within a millisecond.
      now += burst % 3 === 0 ? 0 : 1;
      for (const trade of walk.burst(now)) {
        expect(parseTrade(Buffer.from(encodeTrade(trade)), trade.ts)).toEqual(trade);
        expect(BigInt(trade.id)).toBeGreaterThan(last);
        last = BigInt(trade.id);
      }
    }
  });

  it('trades at its rate and stays a market over half a day', () => {
    const walk = new RandomWalk(spec, seeded(2));
    let elapsed = 0;
    let trades = 0;
    let lowest = Infinity;
    let highest = 0;
    const prices = new Set<string>();
    while (elapsed < 12 * 3_600_000) {
      elapsed += walk.nextDelayMs();
      for (const { price } of walk.burst(elapsed)) {
        trades += 1;
        if (prices.size < 1_000) prices.add(price);
        lowest = Math.min(lowest, Number(price));
        highest = Math.max(highest, Number(price));
      }
    }
    expect(trades / (elapsed / 1000)).toBeGreaterThan(spec.rate * 0.97);
    expect(trades / (elapsed / 1000)).toBeLessThan(spec.rate * 1.03);
    expect(prices.size).toBe(1_000);
    expect(lowest).toBeGreaterThan(spec.price / 3);
    expect(highest).toBeLessThan(spec.price * 3);
  });

  it('goes on from an earlier price', () => {
    const [trade] = new RandomWalk(spec, seeded(3), 71_234.5).burst(1);
    expect(Math.abs(Number(trade!.price) / 71_234.5 - 1)).toBeLessThan(0.01);
  });
});
