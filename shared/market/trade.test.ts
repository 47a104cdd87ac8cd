import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isSymbol,
  isVenue,
  parseMarketSubject,
  quoteSubject,
  tradeMessageId,
  tradeSubject,
} from './symbol.ts';
import { compareTradeIds, isTradeId } from './trade-id.ts';
import { encodeTrade, maxTs, parseTrade, TradeFormatError, type Trade } from './trade.ts';

const trade: Trade = { id: '3735683259', ts: 1723161255342, price: '61837.63', size: '0.02', side: 'sell' };
/** When the stream took it. */
const now = trade.ts + 20;
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

describe('trade events', () => {
  it('are read as they were written, with members in the documented order', () => {
    const text = encodeTrade(trade);
    expect(text).toBe(
      '{"id":"3735683259","ts":1723161255342,"price":"61837.63","size":"0.02","side":"sell"}',
    );
    expect(parseTrade(Buffer.from(text), now)).toEqual(trade);
    expect(parseTrade(new Uint8Array(Buffer.from(text)), now)).toEqual(trade);
  });

  it('come out with canonical decimals', () => {
    expect(parseTrade(bytes({ ...trade, price: '061837.630', size: '1.0' }), now)).toEqual({
      ...trade,
      size: '1',
    });
  });

  it('are refused with the name of what is wrong', () => {
    const faults: [unknown, string][] = [
      [{ ...trade, id: 7 }, 'id'],
      [{ ...trade, id: '' }, 'id'],
      [{ ...trade, id: 'a\tb' }, 'id'],
      [{ ...trade, ts: '1723161255342' }, 'ts'],
      [{ ...trade, ts: 1.5 }, 'ts'],
      [{ ...trade, ts: -1 }, 'ts'],
      [{ ...trade, ts: maxTs }, 'ts'],
      [{ ...trade, price: 61837.63 }, 'price'],
      [{ ...trade, price: '-1' }, 'price'],
      [{ ...trade, size: '0' }, 'size'],
      [{ ...trade, size: undefined }, 'size'],
      [{ ...trade, side: 'BUY' }, 'side'],
      [null, 'object'],
    ];
    for (const [value, name] of faults)
      expect(() => parseTrade(bytes(value), now), JSON.stringify(value)).toThrowError(name);
    expect(() => parseTrade(Buffer.from('{'), now)).toThrowError(TradeFormatError);
  });
});

describe('a trade’s time', () => {
  it('may be any before it came to the stream, and five minutes ahead of that, for clocks that differ', () => {
    for (const ts of [0, now, now + 300_000]) expect(parseTrade(bytes({ ...trade, ts }), now).ts).toBe(ts);
    expect(() => parseTrade(bytes({ ...trade, ts: now + 300_001 }), now)).toThrowError(
      'ts lies in the future',
    );
  });
});

describe('names', () => {
  it('follow the grammar', () => {
    for (const symbol of ['BTCUSDT', 'ETH-PERP', '1INCH_USD', 'A'.repeat(32)])
      expect(isSymbol(symbol), symbol).toBe(true);
    for (const symbol of ['', 'btc', '-BTC', 'BTC.USD', 'BTC*', 'A'.repeat(33), 'BTC\n'])
      expect(isSymbol(symbol), symbol).toBe(false);
    expect(isVenue('binance')).toBe(true);
    expect(isVenue('Binance')).toBe(false);
  });

  it('make subjects that can be read again', () => {
    expect(tradeSubject('binance', 'BTCUSDT')).toBe('market.trade.binance.BTCUSDT');
    expect(parseMarketSubject(tradeSubject('binance', 'BTCUSDT'))).toEqual({
      kind: 'trade',
      venue: 'binance',
      symbol: 'BTCUSDT',
    });
    expect(parseMarketSubject(quoteSubject('kraken', 'X'))?.kind).toBe('quote');
    for (const subject of [
      'market.trade.binance',
      'market.trade.binance.BTC.USDT',
      'live.trade.a.B',
      'market.x.a.B',
    ])
      expect(parseMarketSubject(subject), subject).toBeUndefined();
    expect(tradeMessageId('binance', 'BTCUSDT', '7')).toBe('binance:BTCUSDT:7');
  });
});

describe('the order of trade ids', () => {
  const id = fc.oneof(
    fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String),
    fc.stringMatching(/^[A-Za-z0-9_.:-]{1,6}$/),
  );

  it('is by value for integers and by bytes for the rest', () => {
    const ids = ['x', '10', '9', '007', '0', '1a', 'A'];
    expect(ids.toSorted(compareTradeIds)).toEqual(['0', '9', '10', '007', '1a', 'A', 'x']);
  });

  it('is the same whichever way it is asked, without circles', () => {
    fc.assert(
      fc.property(id, id, id, (a, b, c) => {
        expect(isTradeId(a)).toBe(true);
        expect(Math.sign(compareTradeIds(a, b))).toBe(-Math.sign(compareTradeIds(b, a)) + 0);
        expect(compareTradeIds(a, b) === 0).toBe(a === b);
        if (compareTradeIds(a, b) < 0 && compareTradeIds(b, c) < 0)
          expect(compareTradeIds(a, c)).toBeLessThan(0);
      }),
      { numRuns: 500 },
    );
  });
});
