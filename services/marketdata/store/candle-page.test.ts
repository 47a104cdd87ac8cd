import { expect, test } from 'vitest';
import { candlePage } from './candle-page.ts';

const records = '(60000,1.5,2,1,1.25,0.003,0.00375,2)(0,1,1,1,1,0,0,12)';
const newer =
  '{"ts":60000,"open":"1.5","high":"2","low":"1","close":"1.25","volume":"0.003","quote_volume":"0.00375","trades":2}';
const older =
  '{"ts":0,"open":"1","high":"1","low":"1","close":"1","volume":"0","quote_volume":"0","trades":12}';

test('rows become JSON objects in their order', () => {
  expect(candlePage(records, 2)).toEqual({ rows: `${newer},${older}`, next: null });
});

test('a row beyond the limit is left out, and the page says where it ends', () => {
  expect(candlePage(records, 1)).toEqual({ rows: newer, next: 60_000 });
});

test('no rows are an empty page', () => {
  expect(candlePage('', 5)).toEqual({ rows: '', next: null });
});
