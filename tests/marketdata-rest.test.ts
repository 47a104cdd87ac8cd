import { startStack, until, type TestStack } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allIntervals, inOrder, oracleCandles } from './marketdata/oracle.ts';
import { madeTrades, realTrades, tradesFile, type TestTrade } from './marketdata/trades.ts';

/** The history API as a client sees it: through a real edge and a real router. */

interface List {
  readonly data: Record<string, unknown>[];
  readonly next: string | null;
}

const trades: TestTrade[] =
  tradesFile === undefined
    ? madeTrades({ symbol: 'BTCUSDT', count: 3_000, from: Date.UTC(2024, 7, 8), days: 3, seed: 41 })
    : realTrades()
        .filter(({ symbol }) => symbol === 'BTCUSDT')
        .slice(0, 6_000);
const ordered = inOrder(trades).map(({ trade }) => trade);

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({
    services: ['router', 'edge', 'marketdata'],
    document: { overrides: { 'marketdata.add-trades': { auth: 'public' } } },
  });
  await until(async () => (await request('/v1/markets')).status === 200, { timeoutMs: 20_000 });
});
afterAll(async () => {
  await stack.stop();
});

async function request(
  path: string,
  body?: unknown,
): Promise<{ status: number; headers: Headers; body: unknown }> {
  const post = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const response = await fetch(`${stack.gateway}${path}`, body === undefined ? {} : post);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

async function all(path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  let next: string | null = null;
  do {
    const { status, body } = await request(next === null ? path : `${path}&cursor=${next}`);
    expect(status, JSON.stringify(body)).toBe(200);
    const page = body as List;
    rows.push(...page.data);
    next = page.next;
  } while (next !== null);
  return rows;
}

describe('market data over REST', () => {
  it('takes a feed’s trades in batches, repeated ones too, and gives them back', async () => {
    for (let at = 0; at < trades.length; at += 900) {
      // Every batch repeats the last hundred of the one before.
      const batch = trades.slice(Math.max(0, at - 100), at + 900);
      const { status, body } = await request('/v1/markets/BTCUSDT/trades', {
        venue: 'binance',
        trades: batch.map(({ trade }) => trade),
      });
      const repeated = Math.min(at, 100);
      expect(status, JSON.stringify(body)).toBe(202);
      expect(body).toEqual({ received: batch.length, new: batch.length - repeated, duplicates: repeated });
    }
    await until(
      async () => {
        const { body } = await request('/v1/markets/BTCUSDT');
        return (body as { trades?: number }).trades === trades.length;
      },
      { timeoutMs: 30_000 },
    );
    expect(await all('/v1/markets/BTCUSDT/trades?order=asc&limit=1000')).toEqual(ordered);
    expect((await request('/v1/markets/BTCUSDT')).body).toMatchObject({
      symbol: 'BTCUSDT',
      venues: ['binance'],
    });
    expect((await request('/v1/markets')).body).toMatchObject({ data: [{ symbol: 'BTCUSDT' }], next: null });
  });

  it('gives candles of every interval', async () => {
    for (const interval of allIntervals)
      expect(
        await all(`/v1/markets/BTCUSDT/candles?interval=${interval}&order=asc&limit=500`),
        interval,
      ).toEqual(oracleCandles(trades, interval));
  });

  it('gives tickers', async () => {
    const one = await request('/v1/markets/BTCUSDT/ticker');
    expect(one.body).toMatchObject({
      symbol: 'BTCUSDT',
      ts: ordered.at(-1)!.ts,
      last: ordered.at(-1)!.price,
    });
    expect((await request('/v1/tickers?symbols=BTCUSDT')).body).toEqual({ data: [one.body], next: null });
  });

  it('answers what cannot be answered with a problem document that names the place', async () => {
    const cases = [
      ['/v1/markets/NOPE/candles', 404, 'path', '/symbol'],
      ['/v1/markets/btcusdt/trades', 400, 'path', '/symbol'],
      ['/v1/markets/BTCUSDT/candles?interval=7m', 400, 'query', '/interval'],
      ['/v1/markets/BTCUSDT/trades?from=2&to=1', 400, 'query', '/from'],
      ['/v1/markets/BTCUSDT/trades?cursor=AAAA', 400, 'query', '/cursor'],
      ['/v1/markets/BTCUSDT/trades?limit=many', 400, 'query', '/limit'],
    ] as const;
    for (const [path, status, part, pointer] of cases) {
      const answer = await request(path);
      expect(answer.status, path).toBe(status);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect((answer.body as { errors: unknown[] }).errors, path).toMatchObject([{ in: part, pointer }]);
    }
  });

  it('is described in the API reference', async () => {
    const { body } = await request('/openapi.json');
    const { paths } = body as { paths: Record<string, Record<string, { parameters?: { name: string }[] }>> };
    for (const path of ['', '/{symbol}', '/{symbol}/trades', '/{symbol}/candles', '/{symbol}/ticker'])
      expect(Object.keys(paths), path).toContain(`/v1/markets${path}`);
    const names = paths['/v1/markets/{symbol}/candles']!['get']!.parameters!.map(({ name }) => name);
    expect(names.toSorted()).toEqual([
      'cursor',
      'fill',
      'from',
      'interval',
      'limit',
      'order',
      'symbol',
      'to',
    ]);
    expect(paths['/v1/markets/{symbol}/trades']).toHaveProperty('post');
  });
});
