import { createDatabase, startNatsServer, until, type TestNats } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, askAll, type Answer } from '../../../tests/marketdata/ask.ts';
import { allIntervals, inOrder, oracleCandles, oracleFilled } from '../../../tests/marketdata/oracle.ts';
import { madeTrades, type TestTrade } from '../../../tests/marketdata/trades.ts';
import { publishTrades, startWorker, type TestWorker } from '../testing.ts';

interface List {
  readonly data: Record<string, unknown>[];
  readonly next: string | null;
}

const from = Date.UTC(2023, 4, 30);
const trades = madeTrades({ symbol: 'HIST', count: 2_500, from, days: 200, seed: 21 });
const ordered = inOrder(trades).map(({ trade }) => trade);

let nats: TestNats;
let worker: TestWorker;
beforeAll(async () => {
  nats = await startNatsServer();
  worker = await startWorker({ natsUrl: nats.url, databaseUrl: await createDatabase() });
  await worker.ingesting;
  const small: TestTrade[] = ['AAA', 'BBB', 'CCC'].map((symbol) => ({ ...trades[0]!, symbol }));
  await publishTrades(worker.bus, [...trades, ...small]);
  await until(async () => (await worker.trades('stored')) === trades.length + small.length);
});
afterAll(async () => {
  await worker.stop();
  await nats.stop();
});

const get = (endpoint: string, query = '', symbol: string | undefined = 'HIST'): Promise<Answer> =>
  ask(worker.bus, endpoint, { query, ...(symbol === undefined ? {} : { symbol }) });

async function list(endpoint: string, query: string, symbol?: string): Promise<List> {
  const answer = await get(endpoint, query, symbol);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  expect(answer.header('content-type')).toBe('application/json');
  return answer.body as List;
}

const all = (endpoint: string, query: string): Promise<Record<string, unknown>[]> =>
  askAll(worker.bus, endpoint, 'HIST', query);

function expectRefused(answer: Answer, ...places: string[]): void {
  expect(answer.status, JSON.stringify(answer.body)).toBe(400);
  const { code, errors } = answer.body as { code: string; errors: { in: string; pointer: string }[] };
  expect(code).toBe('invalid_parameters');
  expect(errors.map((error) => `${error.in}${error.pointer}`).toSorted()).toEqual(places.toSorted());
}

describe('trades', () => {
  it('come newest first, a hundred at a time, in exactly the documented shape', async () => {
    const page = await list('trades', '');
    expect(page.data).toEqual(ordered.toReversed().slice(0, 100));
    expect(Object.keys(page.data[0]!)).toEqual(['id', 'ts', 'price', 'size', 'side']);
    expect(page.next).toEqual(expect.any(String));
  });

  it('come completely through cursors, in both orders and with a page of any size', async () => {
    expect(await all('trades', 'limit=1000')).toEqual(ordered.toReversed());
    expect(await all('trades', 'limit=333&order=asc')).toEqual(ordered);
  });

  it('are cut by a range whose begin counts and whose end does not, in milliseconds or ISO 8601', async () => {
    const [first, last] = [ordered[500]!, ordered[900]!];
    const inside = ordered.filter(({ ts }) => ts >= first.ts && ts < last.ts);
    expect(await all('trades', `from=${first.ts}&to=${last.ts}&order=asc&limit=1000`)).toEqual(inside);
    const iso = (ts: number): string => new Date(ts).toISOString();
    expect(await all('trades', `from=${iso(first.ts)}&to=${iso(last.ts)}&order=desc&limit=50`)).toEqual(
      inside.toReversed(),
    );
    expect(await list('trades', `from=${first.ts}&to=${first.ts}`)).toEqual({ data: [], next: null });
  });

  it('are refused with every wrong parameter named', async () => {
    expectRefused(await get('trades', 'limit=0'), 'query/limit');
    expectRefused(await get('trades', 'limit=1001'), 'query/limit');
    expectRefused(
      await get('trades', 'limit=x&from=yesterday&to=2024-02-30&order=up'),
      'query/limit',
      'query/from',
      'query/to',
      'query/order',
    );
    expectRefused(await get('trades', 'from=2000&to=1000'), 'query/from');
    expectRefused(await get('trades', 'cursor=abc'), 'query/cursor');
    expectRefused(await get('trades', '', 'hist'), 'path/symbol');
    expectRefused(await get('trades', 'limit=1&limit=2'), 'query/limit');
  });

  it('take a cursor only with the parameters it came from', async () => {
    const { next } = await list('trades', 'order=asc&limit=10');
    expect((await list('trades', `order=asc&limit=20&cursor=${next}`)).data).toEqual(ordered.slice(10, 30));
    expectRefused(await get('trades', `order=desc&cursor=${next}`), 'query/cursor');
    expectRefused(await get('trades', `order=asc&cursor=${next}`, 'AAA'), 'query/cursor');
    expectRefused(await get('candles', `order=asc&cursor=${next}`), 'query/cursor');
    expectRefused(await get('trades', `order=asc&cursor=${next}A`), 'query/cursor');
  });

  it('of a market that does not exist are not found', async () => {
    for (const endpoint of ['market', 'trades', 'candles', 'ticker']) {
      const answer = await get(endpoint, '', 'NOPE');
      expect(answer.status, endpoint).toBe(404);
      expect(answer.body).toMatchObject({
        code: 'not_found',
        errors: [{ in: 'path', pointer: '/symbol' }],
      });
    }
  });
});

describe('candles', () => {
  it('of every interval equal a recomputation from the trades, page by page, in both orders', async () => {
    for (const interval of allIntervals) {
      const candles = oracleCandles(trades, interval);
      expect(await all('candles', `interval=${interval}&order=asc&limit=177`), interval).toEqual(candles);
      expect(await all('candles', `interval=${interval}&limit=1000`), interval).toEqual(candles.toReversed());
    }
  });

  it('have exactly the documented shape, and a minute’s length by default', async () => {
    const { data } = await list('candles', 'limit=3');
    expect(data).toEqual(oracleCandles(trades, '1m').slice(-3).toReversed());
    expect(Object.keys(data[0]!).join()).toBe('ts,open,high,low,close,volume,quote_volume,trades');
  });

  it('are there when their start lies in the range, and are whole then', async () => {
    const candles = oracleCandles(trades, '4h');
    const [a, b] = [candles[20]!.ts, candles[40]!.ts];
    const starting = (begin: number, end: number) => candles.filter(({ ts }) => ts >= begin && ts < end);
    for (const [begin, end] of [
      [a, b],
      [a + 1, b],
      [a - 1, b + 1],
      [a + 1, b + 3_600_000],
    ] as const) {
      const query = `interval=4h&order=asc&limit=1000&from=${begin}&to=${end}`;
      expect((await list('candles', query)).data).toEqual(starting(begin, end));
    }
  });

  it('fill gaps with the close before them, page by page, in both orders', async () => {
    for (const interval of ['30m', '1h', '12h', '3d', '1w', '1M']) {
      const filled = oracleFilled(trades, interval);
      expect(filled.length).toBeGreaterThanOrEqual(oracleCandles(trades, interval).length);
      const query = `interval=${interval}&fill=true&limit=1000`;
      expect(await all('candles', `${query}&order=asc`), interval).toEqual(filled);
      expect(await all('candles', query), interval).toEqual(filled.toReversed());
    }
    expect(oracleFilled(trades, '1h').length).toBeGreaterThan(1_000);
  });

  it('fill a range from the close before it, as far as `to` says, but not into the future', async () => {
    const hours = oracleFilled(trades, '1h');
    const gap = hours.findIndex((candle, i) => candle.trades === 0 && hours[i + 1]?.trades === 0);
    const [begin, end] = [hours[gap]!.ts, hours[gap + 2]!.ts];
    expect(await all('candles', `interval=1h&fill=true&order=asc&from=${begin}&to=${end}`)).toEqual(
      hours.slice(gap, gap + 2),
    );

    const last = hours.at(-1)!;
    const beyond = await all(
      'candles',
      `interval=1h&fill=true&order=asc&from=${last.ts}&to=${last.ts + 4 * 3_600_000}`,
    );
    expect(beyond.map(({ trades: count }) => count)).toEqual([last.trades, 0, 0, 0]);
    expect(beyond.at(-1)).toMatchObject({
      open: last.close,
      close: last.close,
      volume: '0',
      quote_volume: '0',
    });

    const [newest] = (await list('candles', 'interval=1M&fill=true&to=2099-01-01')).data;
    const now = new Date();
    expect(newest!['ts']).toBe(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
    expect(await all('candles', `interval=1d&fill=true&to=${from - 86_400_000}`)).toEqual([]);
  });

  it('fill seconds from trades', async () => {
    const begin = Math.floor(ordered[0]!.ts / 1_000) * 1_000;
    const next = ordered.findIndex(({ ts }) => ts >= begin + 2_500_000);
    const seconds = oracleFilled(inOrder(trades).slice(0, next + 1), '1s');
    const query = `interval=1s&fill=true&order=asc&limit=1000&from=${begin}&to=${begin + 2_500_000}`;
    expect(await all('candles', query)).toEqual(seconds.slice(0, 2_500));
  });

  it('are refused with the wrong parameter named', async () => {
    for (const interval of ['1H', '2m', '', '1', 'toString'])
      expectRefused(await get('candles', `interval=${interval}`), 'query/interval');
    expectRefused(await get('candles', 'fill=yes&limit=9999'), 'query/fill', 'query/limit');
  });
});

describe('markets and tickers', () => {
  it('are listed by symbol, page by page', async () => {
    const first = await list('markets', 'limit=3', undefined);
    expect(first.data.map(({ symbol }) => symbol)).toEqual(['AAA', 'BBB', 'CCC']);
    const second = await list('markets', `limit=3&cursor=${first.next}`, undefined);
    expect(second).toEqual({ data: [(await get('market')).body], next: null });
    const down = await list('tickers', 'order=desc&limit=2', undefined);
    expect(down.data.map(({ symbol }) => symbol)).toEqual(['HIST', 'CCC']);
    expect(down.data[0]).toEqual((await get('ticker')).body);
    expect(
      (await list('tickers', `order=desc&limit=2&cursor=${down.next}`, undefined)).data.map(
        ({ symbol }) => symbol,
      ),
    ).toEqual(['BBB', 'AAA']);
  });

  it('can be asked for by name', async () => {
    const { data } = await list('tickers', 'symbols=HIST,AAA,NOPE', undefined);
    expect(data.map(({ symbol }) => symbol)).toEqual(['AAA', 'HIST']);
    expectRefused(await get('tickers', 'symbols=HIST,,x', undefined), 'query/symbols');
  });
});

describe('trades over HTTP', () => {
  const post = (symbol: string, body: unknown): Promise<Answer> =>
    ask(worker.bus, 'add-trades', { symbol, body });

  it('are taken as strings and as numbers, with times in both forms', async () => {
    const answer = await post('HTTP-1', {
      trades: [
        { id: 7, ts: '2024-08-08T23:54:15.342Z', price: 61837.63, size: '0.0200', side: 'buy' },
        { id: 'abc', ts: 1723161255343, price: '61837.64', size: 1, side: 'sell' },
        { id: 7, ts: 1723161255342, price: '61837.63', size: '0.02', side: 'buy' },
      ],
    });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({ received: 3, new: 2, duplicates: 1 });
    await until(async () => (await get('trades', '', 'HTTP-1')).status === 200);
    expect((await list('trades', 'order=asc', 'HTTP-1')).data).toEqual([
      { id: '7', ts: 1723161255342, price: '61837.63', size: '0.02', side: 'buy' },
      { id: 'abc', ts: 1723161255343, price: '61837.64', size: '1', side: 'sell' },
    ]);
    expect((await get('market', '', 'HTTP-1')).body).toMatchObject({ venues: ['http'], trades: 2 });
  });

  it('belong to the market’s own venue where none is named, so that a feed’s trades are known', async () => {
    const body = { trades: ordered.slice(0, 20) };
    expect((await post('HIST', body)).body).toEqual({ received: 20, new: 0, duplicates: 20 });
    expect((await get('market')).body).toMatchObject({ venues: ['made'] });
  });

  it('are refused with every fault of every trade named, and none is taken', async () => {
    const good = { id: '1', ts: 5, price: '1', size: '1', side: 'buy' };
    expectRefused(
      await post('REFUSED', {
        venue: 'No Venue',
        trades: [
          good,
          { ...good, id: '', ts: 'soon', side: 'BUY' },
          { id: '2' },
          { ...good, price: 0.1 + 0.2, size: '0' },
          { ...good, id: -1, ts: 1.5, price: '1e3', size: null },
        ],
      }),
      'body/venue',
      ...['/1/id', '/1/ts', '/1/side', '/2/ts', '/2/price', '/2/size', '/2/side', '/3/price', '/3/size']
        .concat(['/4/id', '/4/ts', '/4/price', '/4/size'])
        .map((place) => `body/trades${place}`),
    );
    expectRefused(await post('REFUSED', { trades: [] }), 'body/trades');
    expectRefused(
      await post('REFUSED', { trades: Array.from({ length: 1_001 }, (_, i) => ({ ...good, id: i })) }),
      'body/trades',
    );
    expectRefused(await post('REFUSED', { trades: 'all' }), 'body/trades');
    const ahead = { ...good, ts: Date.now() + 3_600_000 };
    expectRefused(await post('REFUSED', { trades: [good, ahead] }), 'body/trades/1/ts');
    expectRefused(await post('refused', { trades: [good] }), 'path/symbol');
    expect((await get('market', '', 'REFUSED')).status).toBe(404);
  });

  it('are refused with every number named that has more digits than JSON keeps', async () => {
    const lossy =
      '{"id":9007199254740991.3,"ts":1723161255342.0000001,"price":61837.6300000000000001,"size":1.0000000000000001,"side":"buy"}';
    expectRefused(
      await ask(worker.bus, 'add-trades', { symbol: 'REFUSED', text: `{"trades":[${lossy}]}` }),
      ...['id', 'ts', 'price', 'size'].map((name) => `body/trades/0/${name}`),
    );
    const exact = '{"id":7.0,"ts":1723161255342.0,"price":61837.63000000000000000,"size":1.50,"side":"buy"}';
    await ask(worker.bus, 'add-trades', { symbol: 'EXACT', text: `{"trades":[${exact}]}` });
    await until(async () => (await get('trades', '', 'EXACT')).status === 200);
    expect((await list('trades', '', 'EXACT')).data).toEqual([
      { id: '7', ts: 1723161255342, price: '61837.63', size: '1.5', side: 'buy' },
    ]);
  });

  it('are taken a thousand at a time', async () => {
    const rows = madeTrades({ symbol: 'BULK', count: 1_000, from, days: 1, seed: 22 });
    const answer = await post('BULK', { venue: 'bulk', trades: rows.map(({ trade }) => trade) });
    expect(answer.body).toEqual({ received: 1_000, new: 1_000, duplicates: 0 });
    await until(async () => {
      const { body } = await get('market', '', 'BULK');
      return (body as { trades?: number }).trades === 1_000;
    });
    expect((await list('candles', 'interval=1h&order=asc&limit=1000', 'BULK')).data).toEqual(
      oracleCandles(rows, '1h'),
    );
  });
});
