import type { Bus } from '@sluice/nats';
import { endpoint, type Endpoint } from '@sluice/service';
import type { Metrics } from '../metrics.ts';
import type { Store } from '../store/mod.ts';
import { jsonReply } from './answer.ts';
import { asSluiceError, unknownMarket } from './failure.ts';
import {
  candlesQuery,
  listCandles,
  listMarkets,
  listTickers,
  listTrades,
  marketsQuery,
  tickersQuery,
  tradesQuery,
} from './lists.ts';
import { symbolParams } from './parameters.ts';
import { tradeReceiver } from './receive.ts';
import { candleShape, listOf, marketShape, tickerShape, tradeShape } from './shapes.ts';
import { tradesAnswer, tradesBody } from './trade-input.ts';

export interface HistoryOptions {
  readonly bus: Bus;
  readonly store: Store;
  readonly metrics: Metrics;
  /** Trades before this moment are not taken any more; undefined when all are. */
  readonly horizon: () => number | undefined;
}

const common = { auth: 'public', tags: ['Market data'] } as const;

/** The history API, endpoint by endpoint. */
export function historyEndpoints(options: HistoryOptions): Record<string, Endpoint> {
  const { bus, store, horizon } = options;
  const receive = tradeReceiver(
    bus,
    {
      get healthy() {
        return store.ready;
      },
      find: (symbol) => store.markets.find(symbol),
      firstVenue: (symbol) => store.markets.firstVenue(symbol),
      horizon: () => store.horizon.now(),
      stored: (market, trades) => store.trades.stored(market, trades),
    },
    { horizon },
  );
  const measured = measurer(options.metrics);
  return {
    markets: endpoint({
      ...common,
      route: 'GET /v1/markets',
      summary: 'Every market that has trades',
      query: marketsQuery,
      response: listOf(marketShape),
      handler: ({ query }) => measured('markets', () => listMarkets(store, query)),
    }),
    market: endpoint({
      ...common,
      route: 'GET /v1/markets/{symbol}',
      summary: 'One market',
      params: symbolParams,
      response: marketShape,
      handler: ({ params: { symbol } }) =>
        measured('market', async () => jsonReply(known(await store.tickers.market(symbol), symbol))),
    }),
    trades: endpoint({
      ...common,
      route: 'GET /v1/markets/{symbol}/trades',
      summary: 'Trades of a market, newest first',
      description:
        'Ordered by time and, within a millisecond, by id. A cursor stays valid while trades are added.',
      params: symbolParams,
      query: tradesQuery,
      response: listOf(tradeShape),
      handler: ({ params, query }) => measured('trades', () => listTrades(store, params.symbol, query)),
    }),
    candles: endpoint({
      ...common,
      route: 'GET /v1/markets/{symbol}/candles',
      summary: 'Candles of a market, newest first',
      description:
        'Candles whose start lies in the range. A candle always covers its whole interval; the newest one grows.',
      params: symbolParams,
      query: candlesQuery,
      response: listOf(candleShape),
      handler: ({ params, query }) => measured('candles', () => listCandles(store, params.symbol, query)),
    }),
    ticker: endpoint({
      ...common,
      route: 'GET /v1/markets/{symbol}/ticker',
      summary: 'The last day of a market',
      description: 'Over the 1,440 minutes that end with the minute of the last trade.',
      params: symbolParams,
      response: tickerShape,
      handler: ({ params: { symbol } }) =>
        measured('ticker', async () => jsonReply(known(await store.tickers.ticker(symbol), symbol))),
    }),
    tickers: endpoint({
      ...common,
      route: 'GET /v1/tickers',
      summary: 'The last day of every market',
      query: tickersQuery,
      response: listOf(tickerShape),
      handler: ({ query }) => measured('tickers', () => listTickers(store, query)),
    }),
    'add-trades': endpoint({
      tags: common.tags,
      auth: ['key', 'jwt', 'oauth'],
      scopes: ['markets:write'],
      route: 'POST /v1/markets/{symbol}/trades',
      summary: 'Take trades of a market, for feeds over HTTP',
      description:
        'Up to 1,000 trades. Answered when they are safe on the stream; they appear in the history within moments. ' +
        'A trade is known by its id: sending a batch again is safe, and needed after an error.',
      params: symbolParams,
      body: tradesBody,
      exactNumbers: true,
      response: tradesAnswer,
      status: 202,
      handler: ({ params, body, deadline }) =>
        measured('add-trades', () => receive(params.symbol, body, deadline)),
    }),
  };
}

function known(text: string | undefined, symbol: string): string {
  if (text === undefined) throw unknownMarket(symbol);
  return text;
}

/** Runs a request, converts what it throws, and notes how long it took. */
function measurer(metrics: Metrics): <T>(endpoint: string, run: () => Promise<T>) => Promise<T> {
  return async (endpoint, run) => {
    const end = metrics.querySeconds.startTimer({ endpoint });
    try {
      const result = await run();
      end({ status: '2xx' });
      return result;
    } catch (thrown) {
      const error = asSluiceError(thrown);
      end({ status: String(error.status) });
      throw error;
    }
  };
}
