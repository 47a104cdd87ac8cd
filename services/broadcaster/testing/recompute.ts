import { readFileSync } from 'node:fs';

/** A row of the recorded trades. */
export interface Row {
  readonly ts: number;
  readonly symbol: string;
  readonly id: string;
  readonly price: string;
  readonly size: string;
  readonly side: 'buy' | 'sell';
}

export function readTrades(file: string): Row[] {
  const [, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [ts = '', symbol = '', id = '', price = '', size = '', side] = line.split(',');
    return { ts: Number(ts), symbol, id, price: plain(price), size: plain(size), side: side as Row['side'] };
  });
}

/**
 * Candles computed the slow, obvious way, with none of the code under test: sort the trades of a bucket by time and id,
 * take the first, the last, the extremes and the sums. `start` gives the bucket of a time.
 */
export function recompute(
  rows: readonly Row[],
  start: (ts: number) => number,
): Map<number, Record<string, unknown>> {
  const buckets = new Map<number, Row[]>();
  for (const row of inOrder(rows)) {
    const ts = start(row.ts);
    buckets.set(ts, [...(buckets.get(ts) ?? []), row]);
  }
  return new Map([...buckets].map(([ts, bucket]) => [ts, { ts, ...summary(bucket) }]));
}

/** Ticker over the minutes that end with the last trade's. */
export function recomputeTicker(rows: readonly Row[]): Record<string, unknown> {
  const ordered = inOrder(rows);
  const last = ordered.at(-1) as Row;
  const from = Math.floor(last.ts / 60_000) * 60_000 - 1_439 * 60_000;
  const { open, high, low, volume, quote_volume, trades } = summary(ordered.filter((row) => row.ts >= from));
  return {
    symbol: last.symbol,
    ts: last.ts,
    last: last.price,
    last_size: last.size,
    side: last.side,
    open,
    high,
    low,
    volume,
    quote_volume,
    trades,
    change: text(scaled(last.price) - scaled(open as string), 8),
  };
}

/** Starts of buckets, from the calendar. */
export const bucketStarts: Record<string, (ts: number) => number> = {
  ...Object.fromEntries(
    Object.entries({
      '1s': 1,
      '1m': 60,
      '3m': 180,
      '5m': 300,
      '15m': 900,
      '30m': 1_800,
      '1h': 3_600,
      '2h': 7_200,
      '4h': 14_400,
      '6h': 21_600,
      '8h': 28_800,
      '12h': 43_200,
      '1d': 86_400,
      '3d': 259_200,
    }).map(([name, seconds]) => [name, (ts: number) => ts - (ts % (seconds * 1_000))]),
  ),
  '1w': (ts) => {
    const day = new Date(ts - (ts % 86_400_000));
    return day.getTime() - ((day.getUTCDay() + 6) % 7) * 86_400_000;
  },
  '1M': (ts) => Date.UTC(new Date(ts).getUTCFullYear(), new Date(ts).getUTCMonth(), 1),
};

function inOrder(rows: readonly Row[]): Row[] {
  return [...rows].sort((a, b) => a.ts - b.ts || Number(BigInt(a.id) - BigInt(b.id)));
}

function summary(rows: readonly Row[]): Record<string, unknown> {
  const byPrice = [...rows].sort((a, b) => Number(scaled(a.price) - scaled(b.price)));
  let volume = 0n;
  let quote = 0n;
  for (const { price, size } of rows) {
    volume += scaled(size);
    quote += scaled(price) * scaled(size);
  }
  return {
    open: rows[0]?.price,
    high: byPrice.at(-1)?.price,
    low: byPrice[0]?.price,
    close: rows.at(-1)?.price,
    volume: text(volume, 8),
    quote_volume: text(quote, 16),
    trades: rows.length,
  };
}

/** The recorded decimals have at most eight digits after the point. */
function scaled(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(8, '0'));
}

function text(value: bigint, digits: number): string {
  const sign = value < 0n ? '-' : '';
  const all = String(value < 0n ? -value : value).padStart(digits + 1, '0');
  const fraction = all.slice(-digits).replace(/0+$/, '');
  return sign + all.slice(0, -digits) + (fraction === '' ? '' : `.${fraction}`);
}

function plain(decimal: string): string {
  return text(scaled(decimal), 8);
}
