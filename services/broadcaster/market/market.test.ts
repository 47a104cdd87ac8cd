import { toTicker, candleOf, bucketStart, type Trade } from '@sluice/market';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CandleTrack } from './candle-track.ts';
import type { PackedHour } from './day-ring.ts';
import { Market, type PackedMarket } from './market.ts';

const minute = 60_000;
const trade = (id: number, ts: number, price = '10'): Trade => ({
  id: String(id),
  ts,
  price,
  size: '1',
  side: 'buy',
});

describe('CandleTrack', () => {
  it('says what a trade did', () => {
    const track = new CandleTrack('1m');
    expect(track.add(trade(1, 5 * minute))).toBe('current');
    expect(track.add(trade(2, 5 * minute + 1))).toBe('current');
    expect(track.add(trade(3, 8 * minute))).toBe('closed');
    expect(track.previous?.trades).toBe(2);
    expect(track.add(trade(4, 5 * minute + 2))).toBe('previous');
    expect(track.previous?.trades).toBe(3);
    // A bucket between the two that had no trade yet.
    expect(track.add(trade(5, 6 * minute))).toBe('previous');
    expect(track.previous).toMatchObject({ ts: 6 * minute, trades: 1 });
    expect(track.add(trade(6, 5 * minute))).toBe('none');
    expect(track.current).toMatchObject({ ts: 8 * minute, trades: 1 });
  });
});

describe('Market', () => {
  const trades = fc.array(
    fc.record({ minutes: fc.integer({ min: 0, max: 3_000 }), price: fc.integer({ min: 1, max: 99 }) }),
    { minLength: 1, maxLength: 60 },
  );

  it('has the ticker of all minutes of the last day, in any order of trades and over checkpoints', () => {
    fc.assert(
      fc.property(trades, fc.integer({ min: 0, max: 59 }), (made, cut) => {
        const all = made.map(({ minutes, price }, i) => trade(i, minutes * minute, String(price)));
        let market = new Market('X');
        const hours = new Map<number, PackedHour>();
        all.forEach((one, i) => {
          market.add('v', one, i + 1);
          if (i !== cut) return;
          for (const hour of market.packDirtyHours()) hours.set(hour.start, hour);
          const packed = JSON.parse(JSON.stringify(market.pack())) as PackedMarket;
          market = new Market('X', packed, [...hours.values()]);
        });
        // A market only moves on: what is older than its day when it comes is history, as the newest trade tells.
        let newest = 0;
        const counted = all.filter(({ ts }) => {
          newest = Math.max(newest, ts);
          return ts > newest - 1_440 * minute;
        });
        const last = counted.reduce((a, b) =>
          b.ts > a.ts || (b.ts === a.ts && Number(b.id) > Number(a.id)) ? b : a,
        );
        const minutes = counted.map((one) => candleOf(bucketStart('1m', one.ts), one));
        const expected = toTicker('X', last, minutes);
        expect(market.ticker()).toMatchObject({
          high: expected.high,
          low: expected.low,
          volume: expected.volume,
          trades: expected.trades,
          last: expected.last,
        });
      }),
    );
  });

  it('does not count twice what the checkpoint of an hour has and the one of the market has not', () => {
    const market = new Market('X');
    market.add('v', trade(1, minute), 1);
    const older = JSON.parse(JSON.stringify(market.pack())) as PackedMarket;
    market.add('v', trade(2, minute), 2);
    const [hour] = market.packDirtyHours();
    const restored = new Market('X', older, hour ? [hour] : []);
    restored.add('v', trade(2, minute), 2);
    restored.add('v', trade(3, minute), 3);
    expect(restored.ticker()?.trades).toBe(3);
    expect(restored.candle('1m')?.trades).toBe(3);
  });

  it('counts what comes with small sequences again after its stream began anew', () => {
    const market = new Market('X');
    market.add('v', trade(1, minute), 7);
    market.resetSequences();
    market.add('v', trade(2, minute), 1);
    expect(market.seq).toBe(1);
    expect(market.ticker()?.trades).toBe(2);
  });

  it('counts a repeated trade once', () => {
    const market = new Market('X');
    expect(market.add('v', trade(1, minute), 1)).not.toBeNull();
    expect(market.add('v', trade(1, minute), 2)).toBeNull();
    expect(market.ticker()?.trades).toBe(1);
  });
});
