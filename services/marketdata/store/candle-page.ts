import type { Page } from './page.ts';

const start = '{"ts":';

/**
 * A page out of the JSON text of `count` candles: one above `limit` is cut off again, it only tells that more follow.
 * `next` is the start of the page's last candle then.
 */
export function candlePage(text: string, count: number, limit: number): Page<number> {
  if (count <= limit) return { rows: text, next: null };
  const rows = text.slice(0, text.lastIndexOf(`,${start}`));
  return { rows, next: Number.parseInt(rows.slice(rows.lastIndexOf(start) + start.length), 10) };
}
