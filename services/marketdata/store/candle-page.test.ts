import { expect, test } from 'vitest';
import { candlePage } from './candle-page.ts';

const newer = '{"ts":60000,"open":"1.5","trades":2}';
const older = '{"ts":0,"open":"1","trades":12}';

test('as many candles as were asked for are the last page', () => {
  expect(candlePage(`${newer},${older}`, 2, 2)).toEqual({ rows: `${newer},${older}`, next: null });
});

test('a candle beyond the limit is left out, and the page says where it ends', () => {
  expect(candlePage(`${newer},${older}`, 2, 1)).toEqual({ rows: newer, next: 60_000 });
});

test('no candles are an empty page', () => {
  expect(candlePage('', 0, 5)).toEqual({ rows: '', next: null });
});
