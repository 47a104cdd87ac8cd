import type { CandleState } from '@sluice/market';

/** A candle as it is checkpointed: integers of its state as text. */
export type PackedCandle = readonly [
  ts: number,
  open: string,
  high: string,
  low: string,
  close: string,
  volume: string,
  quoteVolume: string,
  trades: number,
  firstTs: number,
  firstId: string,
  lastTs: number,
  lastId: string,
];

export function packCandle(candle: CandleState): PackedCandle {
  const { ts, open, high, low, close, volume, quoteVolume, trades, first, last } = candle;
  return [
    ts,
    String(open),
    String(high),
    String(low),
    String(close),
    String(volume),
    String(quoteVolume),
    trades,
    first.ts,
    first.id,
    last.ts,
    last.id,
  ];
}

export function unpackCandle(packed: PackedCandle): CandleState {
  const [ts, open, high, low, close, volume, quoteVolume, trades, firstTs, firstId, lastTs, lastId] = packed;
  return {
    ts,
    open: BigInt(open),
    high: BigInt(high),
    low: BigInt(low),
    close: BigInt(close),
    volume: BigInt(volume),
    quoteVolume: BigInt(quoteVolume),
    trades,
    first: { ts: firstTs, id: firstId },
    last: { ts: lastTs, id: lastId },
  };
}
