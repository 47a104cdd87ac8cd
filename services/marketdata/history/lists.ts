import { bucketAfter } from '@sluice/market';
import { z, type Reply } from '@sluice/service';
import type { Store } from '../store/mod.ts';
import { listReply } from './answer.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { unknownMarket } from './failure.ts';
import { filledPage } from './fill.ts';
import { flag, intervalQuery, nameQuery, rangeOf, rangeQuery, symbolsFilter } from './parameters.ts';

/** The lists of the history API: parameters in, a page out. Throw StoreError and SluiceError. */

export const tradesQuery = z.object(rangeQuery);
export const candlesQuery = z.object({
  ...rangeQuery,
  interval: intervalQuery,
  fill: flag('Whether buckets without trades are filled with the close before them.'),
});
export const marketsQuery = z.object(nameQuery);
export const tickersQuery = z.object({ ...nameQuery, symbols: symbolsFilter });

export async function listTrades(
  store: Store,
  symbol: string,
  query: z.output<typeof tradesQuery>,
): Promise<Reply> {
  const { order, limit, cursor } = query;
  const range = rangeOf(query);
  const shape = ['trades', symbol, range.from, range.to, order];
  const position = cursor === undefined ? undefined : decodeCursor(shape, cursor);
  const market = await marketOf(store, symbol);
  const page = await store.trades.page({
    ...range,
    market,
    order,
    limit,
    after: position && { ts: Number(position[0]), key: position[1] ?? '' },
  });
  return listReply(page.rows, page.next && encodeCursor(shape, [page.next.ts, page.next.key]));
}

export async function listCandles(
  store: Store,
  symbol: string,
  query: z.output<typeof candlesQuery>,
): Promise<Reply> {
  const { interval, order, limit, fill, cursor } = query;
  const range = rangeOf(query);
  const shape = ['candles', symbol, interval, range.from, range.to, order, fill];
  const after = cursor === undefined ? undefined : Number(decodeCursor(shape, cursor)[0]);
  const market = await marketOf(store, symbol);
  const page = fill
    ? await filledPage(store.candles, {
        market,
        interval,
        order,
        limit,
        from: query.from,
        to: query.to,
        after,
        now: Date.now(),
      })
    : await store.candles.page({
        market,
        interval,
        order,
        limit,
        from: after !== undefined && order === 'asc' ? bucketAfter(interval, after) : range.from,
        to: after !== undefined && order === 'desc' ? after : range.to,
      });
  return listReply(page.rows, page.next === null ? null : encodeCursor(shape, [page.next]));
}

export async function listMarkets(store: Store, query: z.output<typeof marketsQuery>): Promise<Reply> {
  const { order, limit } = query;
  const shape = ['markets', order];
  const after = query.cursor === undefined ? undefined : decodeCursor(shape, query.cursor)[0];
  const page = await store.tickers.markets({ order, limit, after, symbols: undefined });
  return listReply(page.rows, page.next && encodeCursor(shape, [page.next]));
}

export async function listTickers(store: Store, query: z.output<typeof tickersQuery>): Promise<Reply> {
  const { order, limit, symbols } = query;
  const shape = ['tickers', order, symbols ?? null];
  const after = query.cursor === undefined ? undefined : decodeCursor(shape, query.cursor)[0];
  const page = await store.tickers.tickers({ order, limit, after, symbols });
  return listReply(page.rows, page.next && encodeCursor(shape, [page.next]));
}

async function marketOf(store: Store, symbol: string): Promise<number> {
  const market = await store.markets.find(symbol);
  if (market === undefined) throw unknownMarket(symbol);
  return market;
}
