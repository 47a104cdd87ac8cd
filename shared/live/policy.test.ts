import { describe, expect, it } from 'vitest';
import { channelPolicy, policies } from './mod.ts';

describe('channelPolicy', () => {
  it.each([
    ['trades.BTCUSDT', 'queue'],
    ['trades.*', 'queue'],
    ['ticker.>', 'conflate'],
    ['ticker.BTCUSDT', 'conflate'],
    ['candles.BTCUSDT.1m', 'conflate'],
    ['candles.BTCUSDT.*', 'conflate'],
    ['quotes.BTCUSDT', 'conflate'],
    ['orders.eu.42', 'queue'],
    ['orders.>', 'queue'],
  ])('%s: %s', (name, overflow) => expect(channelPolicy(name)?.overflow).toBe(overflow));

  it.each([
    'trades.BTCUSDT.x',
    'candles.BTCUSDT',
    'ticker.btcusdt',
    'candles.BTCUSDT.7m',
    'trades.X.1m',
    'candles.*.7m',
  ])('there is no channel %s', (name) => expect(channelPolicy(name)).toBeUndefined());

  it('has one row per market namespace', () => {
    const namespaces = policies.map((policy) => policy.pattern.split('.')[0]);
    expect(new Set(namespaces).size).toBe(namespaces.length);
  });
});
