import { bucketAfter, bucketCeil, bucketStart, emptyCandle, type Interval } from '@sluice/market';
import type { CandleLine, Order, Page, Range } from '../store/mod.ts';

/** What filling needs of the store. */
export interface CandleSource {
  span(market: number, interval: Interval): Promise<{ first: number; last: number } | undefined>;
  lines(query: Range & { market: number; interval: Interval; limit: number }): Promise<CandleLine[]>;
  closeBefore(market: number, interval: Interval, ts: number): Promise<string | undefined>;
}

export interface FilledQuery {
  readonly market: number;
  readonly interval: Interval;
  readonly order: Order;
  readonly limit: number;
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Start of the last candle of the page before. */
  readonly after: number | undefined;
  readonly now: number;
}

/**
 * A page of candles without gaps: a bucket in which nothing was traded gets the close before it as all four prices and
 * nothing else. Filling begins with the market's first candle, because no price is known before it, and ends with its
 * last one, or with `to` where that is given, but not after the present. No more than `limit` buckets are made at once.
 */
export async function filledPage(source: CandleSource, query: FilledQuery): Promise<Page<number>> {
  const { market, interval, limit } = query;
  const span = await source.span(market, interval);
  if (!span) return { rows: '', next: null };
  const start = Math.max(bucketCeil(interval, query.from ?? 0), bucketStart(interval, span.first));
  const end = fillEnd(query, span.last);
  const page =
    query.order === 'asc'
      ? forward(interval, query.after === undefined ? start : bucketAfter(interval, query.after), end, limit)
      : backward(interval, start, query.after ?? end, limit);
  if (page.from >= page.to) return { rows: '', next: null };

  const found = await source.lines({ market, interval, limit, from: page.from, to: page.to });
  const rows: string[] = [];
  let close = found[0]?.ts === page.from ? undefined : await source.closeBefore(market, interval, page.from);
  let next = 0;
  for (let at = page.from; at < page.to; at = bucketAfter(interval, at)) {
    const candle = found[next];
    if (candle?.ts === at) {
      rows.push(candle.line);
      close = candle.close;
      next++;
    } else if (close !== undefined) rows.push(JSON.stringify(emptyCandle(at, close)));
  }
  if (query.order === 'desc') rows.reverse();
  return { rows: rows.join(','), next: page.next };
}

function fillEnd({ interval, to, now }: FilledQuery, last: number): number {
  const afterLast = bucketAfter(interval, bucketStart(interval, last));
  if (to === undefined) return afterLast;
  return Math.min(
    bucketCeil(interval, to),
    Math.max(afterLast, bucketAfter(interval, bucketStart(interval, now))),
  );
}

interface Window {
  readonly from: number;
  readonly to: number;
  readonly next: number | null;
}

function forward(interval: Interval, start: number, end: number, limit: number): Window {
  const to = Math.min(end, bucketAfter(interval, start, limit));
  return { from: start, to, next: to < end ? bucketAfter(interval, to, -1) : null };
}

function backward(interval: Interval, start: number, end: number, limit: number): Window {
  const from = Math.max(start, bucketAfter(interval, end, -limit));
  return { from, to: end, next: from > start ? from : null };
}
