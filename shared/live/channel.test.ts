import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelOf, covers, isChannel, isChannelToken, isPattern, matchesPattern, overlaps } from './mod.ts';

describe('channel names', () => {
  it.each(['trades.BTCUSDT', 'candles.ETH-PERP.1m', 'a.b.c.d.e.f.g.h', 'orders.eu_1.42'])(
    'takes %s',
    (name) => {
      expect(isChannel(name)).toBe(true);
      expect(isPattern(name)).toBe(false);
    },
  );

  it.each([
    '',
    'trades',
    'trades.',
    '.BTCUSDT',
    'trades..x',
    'trades.BTC USDT',
    'trades.*',
    'trades.>',
    'trades.é',
    'trades.a\n',
    'a.b.c.d.e.f.g.h.i',
    `a.${'b'.repeat(199)}`,
  ])('refuses %j as a channel', (name) => expect(isChannel(name)).toBe(false));

  it.each(['trades.*', 'trades.>', 'candles.*.1m', 'candles.BTCUSDT.*', 'orders.eu.>', 'a.*.b.>'])(
    'takes %s as a pattern',
    (name) => expect(isPattern(name)).toBe(true),
  );

  it.each([
    '>',
    '*',
    '*.BTCUSDT',
    '>.x',
    'trades.>.x',
    'trades.*x',
    'trades.x>',
    'a.b.c.d.e.f.g.h.>',
    'trades.',
  ])('refuses %j as a pattern', (name) => expect(isPattern(name)).toBe(false));

  it('finds the channel in both kinds of subject and in no other', () => {
    expect(channelOf('live.in.trades.BTCUSDT')).toBe('trades.BTCUSDT');
    expect(channelOf('live.out.trades.BTCUSDT')).toBe('trades.BTCUSDT');
    expect(channelOf('live.out.trades')).toBeUndefined();
    expect(channelOf('market.trade.binance.BTCUSDT')).toBeUndefined();
  });
});

describe('matching', () => {
  it.each([
    ['trades.*', 'trades.BTCUSDT', true],
    ['trades.*', 'trades.BTCUSDT.x', false],
    ['trades.>', 'trades.BTCUSDT.x', true],
    ['candles.*.1m', 'candles.BTCUSDT.1m', true],
    ['candles.*.1m', 'candles.BTCUSDT.1M', false],
    ['a.b', 'a.b', true],
    ['a.b', 'a.b.c', false],
    ['a.b.>', 'a.b', false],
  ])('%s and %s: %s', (pattern, channel, expected) =>
    expect(matchesPattern(pattern, channel)).toBe(expected),
  );

  const token = fc.constantFrom('a', 'b', 'c');
  const pattern = fc
    .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([tokens, rest]) => (rest ? [...tokens, '>'] : tokens).join('.'));
  const channel = fc.array(token, { minLength: 1, maxLength: 6 }).map((tokens) => tokens.join('.'));

  it('agrees with NATS written as an expression', () => {
    fc.assert(
      fc.property(pattern, channel, (p, c) => {
        const source = p
          .split('.')
          .map((part) => (part === '*' ? '[^.]+' : part === '>' ? '.+' : part))
          .join('\\.');
        expect(matchesPattern(p, c)).toBe(new RegExp(`^${source}$`).test(c));
      }),
    );
  });

  it('sees an overlap wherever one channel matches both patterns', () => {
    fc.assert(
      fc.property(pattern, pattern, channel, (p, q, c) => {
        if (matchesPattern(p, c) && matchesPattern(q, c)) expect(overlaps(p, q)).toBe(true);
        expect(overlaps(p, q)).toBe(overlaps(q, p));
      }),
    );
  });

  it('sees that a pattern lies inside another one only where all its channels do', () => {
    fc.assert(
      fc.property(pattern, pattern, fc.array(channel, { minLength: 1, maxLength: 20 }), (p, q, channels) => {
        expect(covers(p, p)).toBe(true);
        for (const c of channels) {
          expect(covers(p, c)).toBe(matchesPattern(p, c));
          if (covers(p, q) && matchesPattern(q, c)) expect(matchesPattern(p, c)).toBe(true);
        }
        if (covers(p, q)) expect(overlaps(p, q)).toBe(true);
      }),
    );
  });

  it.each([
    ['orders.>', 'orders.eu.>', true],
    ['orders.*', 'orders.>', false],
    ['orders.*.x', 'orders.*.*', false],
    ['orders.*.*', 'orders.*.x', true],
    ['>', 'orders.>', true],
    ['orders.eu', 'orders.*', false],
    ['orders.>', '>', false],
  ])('%s covers %s: %s', (outer, inner, expected) => expect(covers(outer, inner)).toBe(expected));
});

it.each([
  ['user-1_A', true],
  ['', false],
  ['a.b', false],
  ['*', false],
  ['>', false],
  ['a b', false],
  ['a\n', false],
])('%j can be a token of a channel: %s', (text, expected) => expect(isChannelToken(text)).toBe(expected));
