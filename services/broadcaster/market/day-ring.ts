import {
  addTrade,
  bucketStart,
  candleOf,
  mergeCandle,
  tickerFrom,
  type CandleState,
  type Trade,
} from '@sluice/market';
import { packCandle, unpackCandle, type PackedCandle } from './candle-state.ts';

const hourMs = 3_600_000;

/** An hour of one-minute candles, with the sequence of the market event up to which they are complete. */
interface Hour {
  readonly start: number;
  readonly minutes: Map<number, CandleState>;
  /** All minutes together; made when asked for. */
  total: CandleState | undefined;
  seq: number;
}

/** An hour as it is checkpointed. */
export interface PackedHour {
  readonly start: number;
  readonly seq: number;
  readonly minutes: readonly PackedCandle[];
}

/**
 * The one-minute candles a ticker is made of. They are kept by the hour: a checkpoint writes the hour that changed and
 * not the day, and a ticker adds up hours and not minutes.
 */
export class DayRing {
  readonly #hours = new Map<number, Hour>();

  /** `seq`: of the market event that the trade came in. A trade that the hour's checkpoint held already is passed over. */
  add(trade: Trade, seq: number, lastTs: number): void {
    const ts = bucketStart('1m', trade.ts);
    if (ts < tickerFrom(lastTs)) return;
    const start = bucketStart('1h', trade.ts);
    let hour = this.#hours.get(start);
    if (!hour) {
      this.#hours.set(start, (hour = { start, minutes: new Map(), total: undefined, seq: 0 }));
      this.#forget(lastTs);
    }
    if (seq <= hour.seq) return;
    hour.seq = seq;
    hour.total = undefined;
    const minute = hour.minutes.get(ts);
    if (minute) addTrade(minute, trade);
    else hour.minutes.set(ts, candleOf(ts, trade));
  }

  /** Candles that cover the day that ends at `lastTs`, each within it. */
  *parts(lastTs: number): Iterable<CandleState> {
    const from = tickerFrom(lastTs);
    for (const hour of this.#hours.values()) {
      if (hour.start + hourMs <= from) continue;
      if (hour.start < from) yield* hour.minutes.values();
      else yield (hour.total ??= totalOf(hour));
    }
  }

  /** When the hours start that are kept. */
  starts(): Iterable<number> {
    return this.#hours.keys();
  }

  /** The hour that starts then, for a checkpoint. */
  pack(start: number): PackedHour | undefined {
    const hour = this.#hours.get(start);
    return hour && { start, seq: hour.seq, minutes: [...hour.minutes.values()].map(packCandle) };
  }

  restore({ start, seq, minutes }: PackedHour): void {
    const candles = minutes.map(unpackCandle).map((candle): [number, CandleState] => [candle.ts, candle]);
    this.#hours.set(start, { start, seq, minutes: new Map(candles), total: undefined });
  }

  /** The market stream began anew: its sequences mean nothing any more. */
  resetSequences(): void {
    for (const hour of this.#hours.values()) hour.seq = 0;
  }

  #forget(lastTs: number): void {
    const from = tickerFrom(lastTs);
    for (const start of this.#hours.keys()) if (start + hourMs <= from) this.#hours.delete(start);
  }
}

function totalOf(hour: Hour): CandleState {
  let total: CandleState | undefined;
  for (const minute of hour.minutes.values()) {
    if (total) mergeCandle(total, minute);
    else total = { ...minute };
  }
  if (!total) throw new TypeError('an hour without a minute');
  return total;
}
