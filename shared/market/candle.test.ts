import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addTrade, candleOf, emptyCandle, mergeCandle, toCandle, type CandleState } from './candle.ts';
import { toTicker, tickerFrom } from './ticker.ts';
import type { Trade } from './trade.ts';

const decimal = fc
  .tuple(fc.integer({ min: 0, max: 999_999 }), fc.integer({ min: 1, max: 99_999 }))
  .map(([whole, fraction]) => `${whole}.${String(fraction).padStart(5, '0')}`.replace(/0+$/, ''));
const trade: fc.Arbitrary<Trade> = fc.record({
  id: fc.integer({ min: 1, max: 200 }).map(String),
  ts: fc.integer({ min: 60_000, max: 60_050 }),
  price: decimal,
  size: decimal,
  side: fc.constantFrom('buy', 'sell'),
});
const trades = fc.uniqueArray(trade, {
  minLength: 1,
  maxLength: 30,
  selector: ({ ts, id }) => `${ts}:${id}`,
});

function fold(list: readonly Trade[]): CandleState {
  const [first, ...rest] = list as [Trade, ...Trade[]];
  const candle = candleOf(60_000, first);
  for (const next of rest) addTrade(candle, next);
  return candle;
}

describe('candles', () => {
  it('take open and close by time and then by id', () => {
    const at = (id: string, ts: number, price: string): Trade => ({ id, ts, price, size: '2', side: 'buy' });
    const candle = fold([
      at('10', 60_001, '7'),
      at('9', 60_001, '5'),
      at('8', 60_002, '6'),
      at('11', 60_002, '3'),
    ]);
    expect(toCandle(candle)).toEqual({
      ts: 60_000,
      open: '5',
      high: '7',
      low: '3',
      close: '3',
      volume: '8',
      quote_volume: '42',
      trades: 4,
    });
  });

  it('come out the same in whatever order trades are added', () => {
    fc.assert(
      fc.property(
        trades.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        ([list, shuffled]) => {
          expect(fold(shuffled)).toEqual(fold(list));
        },
      ),
    );
  });

  it('come out the same from parts, wherever they are cut', () => {
    fc.assert(
      fc.property(trades, fc.nat(), (list, cut) => {
        const at = cut % list.length;
        if (at === 0) return;
        const late = fold(list.slice(at));
        mergeCandle(late, fold(list.slice(0, at)));
        expect(late).toEqual(fold(list));
      }),
    );
  });

  it('of empty buckets stand still', () => {
    expect(emptyCandle(60_000, '5.5')).toEqual({
      ts: 60_000,
      open: '5.5',
      high: '5.5',
      low: '5.5',
      close: '5.5',
      volume: '0',
      quote_volume: '0',
      trades: 0,
    });
  });
});

describe('the ticker', () => {
  it('covers the last trade’s minute and the 1,439 before it', () => {
    const last: Trade = { id: '9', ts: 200_000_000_123, price: '9', size: '0.5', side: 'sell' };
    const candle = (ts: number, price: string): CandleState => candleOf(ts, { ...last, ts, price });
    const from = tickerFrom(last.ts);
    const minute = last.ts - (last.ts % 60_000);
    expect(minute - from).toBe(1_439 * 60_000);
    const minutes = [
      candle(minute, '9'),
      candle(from - 60_000, '1'),
      candle(from, '10.5'),
      candle(from + 60_000, '12'),
    ];
    expect(toTicker('BTCUSDT', last, minutes)).toEqual({
      symbol: 'BTCUSDT',
      ts: last.ts,
      last: '9',
      last_size: '0.5',
      side: 'sell',
      open: '10.5',
      high: '12',
      low: '9',
      volume: '1.5',
      quote_volume: '15.75',
      trades: 3,
      change: '-1.5',
    });
  });
});
