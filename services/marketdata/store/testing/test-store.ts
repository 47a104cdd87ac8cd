import type { Interval } from '@sluice/market';
import type { OracleCandle } from '../../../../tests/marketdata/oracle.ts';
import { Store, type Order, type TradePosition } from '../mod.ts';

/** Patience for many real transactions on a machine that may be busy. */
export const slow = { timeout: 180_000 };

/** A store that is not open yet; the caller closes it. Trades are kept for ever where no days are given. */
export function testStore(
  url: string,
  options: { retentionDays?: number; report?: (event: { detail: string }) => void } = {},
): Store {
  return new Store({
    url,
    poolSize: 4,
    statementTimeoutMs: 20_000,
    retentionDays: options.retentionDays ?? 0,
    compressAfterDays: 7,
    report: options.report ?? (() => {}),
  });
}

/** Every trade of a market, read page by page. */
export async function allTrades(store: Store, market: number, order: Order): Promise<unknown[]> {
  const rows: unknown[] = [];
  let after: TradePosition | undefined;
  do {
    const page = await store.trades.page({ market, from: 0, to: 4e12, order, limit: 1_000, after });
    rows.push(...parsed(page.rows));
    after = page.next ?? undefined;
  } while (after);
  return rows;
}

/** Every candle of an interval, read page by page. */
export async function allCandles(
  store: Store,
  market: number,
  interval: Interval,
  order: Order,
): Promise<OracleCandle[]> {
  const rows: OracleCandle[] = [];
  let [from, to] = [0, 4e12];
  for (;;) {
    const page = await store.candles.page({ market, interval, order, limit: 300, from, to });
    rows.push(...(parsed(page.rows) as OracleCandle[]));
    if (page.next === null) return rows;
    if (order === 'asc') from = page.next + 1;
    else to = page.next;
  }
}

/** The rows of a page, which are JSON with commas between them. */
export function parsed(rows: string): unknown[] {
  return JSON.parse(`[${rows}]`) as unknown[];
}
