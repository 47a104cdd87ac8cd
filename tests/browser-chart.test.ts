import {
  startProcess,
  startProxy,
  startStack,
  until,
  type TestProcess,
  type TestProxy,
  type TestStack,
} from '@sluice/testing';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inOrder } from './marketdata/oracle.ts';
import { madeTrades, realTrades, tradesFile, type TestTrade } from './marketdata/trades.ts';
import { chromiumPath, launchBrowser, openPage, type WatchedPage } from './support/browser.ts';
import { ChartPage } from './support/chart-page.ts';

/** The live chart in a browser, on a real stack; between the chart's server and the edge lies a way that can be broken. */

const symbol = 'BTCUSDT';
const source: TestTrade[] =
  tradesFile === undefined
    ? madeTrades({ symbol, count: 12_000, from: Date.UTC(2024, 7, 8), days: 1, seed: 7 })
    : realTrades().filter((trade) => trade.symbol === symbol);
const trades = inOrder(source).map(({ trade }) => trade);
/** What the market has when the browser comes; the rest is published while it watches. */
const atFirst = trades.length - 3_000;
/** Events that a channel keeps: few, so that a client can be away for too long. */
const history = 150;

let stack: TestStack;
let way: TestProxy;
let server: TestProcess;
let chart = '';
let browser: Browser;
let published = 0;
let watched: WatchedPage;
let shown: ChartPage;

/** The edge that was started last. */
function workingEdge(): string {
  return stack.services.findLast(({ gateway }) => gateway !== undefined)?.gateway ?? '';
}

async function post(market: string, batch: readonly unknown[]): Promise<void> {
  // Not by the way that is broken: feeds have their own.
  const response = await fetch(`${workingEdge()}/v1/markets/${market}/trades`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ venue: 'binance', trades: batch }),
  });
  if (response.status !== 202) throw new Error(`status ${response.status}: ${await response.text()}`);
}

/** The next trades of the recording happen, in as many batches. */
async function publish(count: number, batches = 1): Promise<void> {
  const size = Math.ceil(count / batches);
  for (let left = count; left > 0; left -= size) {
    const batch = trades.slice(published, published + Math.min(size, left));
    await post(symbol, batch);
    published += batch.length;
  }
}

/** The same while the gateway may still be away. */
async function publishWhenBack(count: number): Promise<void> {
  const batch = trades.slice(published, published + count);
  await until(() => post(symbol, batch).then(() => true), { timeoutMs: 30_000, everyMs: 100 });
  published += count;
}

/** The newest trade that a new client would be told. */
async function newestLive(): Promise<string | undefined> {
  const channel = `trades.${symbol}`;
  const socket = new WebSocket(`${workingEdge().replace('http', 'ws')}/v1/stream`);
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      socket.onopen = () => socket.send(JSON.stringify({ id: 1, op: 'subscribe', channels: [channel] }));
      socket.onmessage = ({ data }) => resolve(String(data));
      socket.onerror = () => reject(new Error('no connection'));
    });
    const { channels } = JSON.parse(answer) as { channels: Record<string, { data?: { id: string } }> };
    return channels[channel]?.data?.id;
  } finally {
    socket.close();
  }
}

async function rest(path: string): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${chart}/v1/markets/${path}`);
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  return ((await response.json()) as { data: Record<string, unknown>[] }).data;
}

/** The page has the newest trade on the tape and every digit of the newest candles as history has them. */
async function expectPresent(interval: string): Promise<void> {
  const newest = trades[published - 1];
  await until(async () => (await shown.tape())[0]?.id === newest?.id, { message: 'the newest trade' });
  await until(
    async () => {
      const [last] = await rest(`${symbol}/trades?limit=1`);
      const expected = await rest(`${symbol}/candles?interval=${interval}&limit=30`);
      expect(last?.['id']).toBe(newest?.id);
      expect(await shown.candles()).toEqual(
        expected.map(({ ts, open, high, low, close, volume }) => ({ ts, open, high, low, close, volume })),
      );
      return true;
    },
    { timeoutMs: 20_000, everyMs: 100, message: 'the candles of the page and of REST are the same' },
  );
}

/** Rows of the tape are the newest trades without a hole, and each names the one below as its predecessor. */
async function expectUnbrokenTape(rows: number): Promise<void> {
  const tape = (await shown.tape()).slice(0, rows);
  const expected = trades.slice(published - rows, published).map(({ id }) => id);
  expect(tape.map(({ id }) => id)).toEqual(expected.reverse());
  for (const [i, { seq }] of tape.entries()) if (i > 0) expect(tape[i - 1]?.prev).toBe(seq);
}

describe.skipIf(chromiumPath === undefined)('the live chart', () => {
  beforeAll(async () => {
    stack = await startStack({
      services: ['router', 'edge', 'marketdata', 'broadcaster'],
      env: { SLUICE_LIVE_HISTORY: String(history) },
      // The recording is published over HTTP.
      document: { overrides: { 'marketdata.add-trades': { auth: 'public' } } },
    });
    way = await startProxy(stack.gateway);
    server = startProcess('examples/live-chart/serve.ts', {}, ['--gateway', way.url, '--port', '0']);
    chart = String((await server.waitForLog((line) => line.msg === 'ready'))['chart']);
    await until(async () => (await fetch(`${chart}/v1/markets`)).status === 200, { timeoutMs: 30_000 });
    await publish(atFirst, Math.ceil(atFirst / 1_000));
    await until(
      async () => (await rest(`${symbol}/trades?limit=1`))[0]?.['id'] === trades[published - 1]?.id,
      { timeoutMs: 60_000, message: 'the history is stored' },
    );
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await way?.[Symbol.asyncDispose]();
    await stack?.stop();
  });
  beforeEach(async () => {
    way.mend(workingEdge());
    watched = await openPage(browser, { viewport: { width: 1280, height: 760 }, colorScheme: 'dark' });
    shown = new ChartPage(watched);
  });
  afterEach(() => watched.page.context().close());

  it('draws the candles of REST, and asks nobody but its own server', async () => {
    await shown.open(chart, symbol, '1s');
    const all = (await rest(`${symbol}/candles?interval=1s&limit=1000`)).length;
    await shown.until('candles', (count) => Number(count) >= Math.min(500, all));
    const [up = 0, down = 0] = await shown.pixels('up', 'down');
    expect(Math.min(up, down)).toBeGreaterThan(100);
    await expectPresent('1s');
    // The tape is as high as the chart beside it, and not as the trades it has.
    expect(await watched.page.evaluate('document.documentElement.scrollHeight')).toBe(760);
    expect(await watched.page.title()).toBe(`${await shown.lastPrice()} ${symbol} · Sluice`);
    expect(watched.origins).toEqual(new Set([chart, chart.replace('http', 'ws')]));
    expect(watched.complaints).toEqual([]);
  });

  it('moves with the trades', async () => {
    await shown.open(chart, symbol, '1m');
    await expectPresent('1m');
    const before = await watched.page.locator('#chart').screenshot();
    for (let round = 0; round < 3; round++) {
      await publish(40, 4);
      const price = trades[published - 1]?.price ?? '';
      await until(async () => Number((await shown.lastPrice()).replaceAll(',', '')) === Number(price), {
        message: `the price ${price}`,
      });
    }
    await expectPresent('1m');
    await expectUnbrokenTape(60);
    expect((await watched.page.locator('#chart').screenshot()).equals(before)).toBe(false);
    const { trades: counted, gaps, resumed, connections } = await shown.state();
    expect([counted, gaps, resumed, connections]).toEqual(['120', '0', '0', '1']);
    expect(watched.complaints).toEqual([]);
  });

  it('goes back in time, page by page, to the first candle', async () => {
    const held = Promise.withResolvers<void>();
    await watched.page.route(/\/candles\?/, async (route) => {
      await held.promise;
      await route.continue();
    });
    await shown.open(chart, symbol, '1s');
    // The live channel was first, and its candle says nothing of those before it.
    expect(await shown.state()).toMatchObject({ older: 'unknown' });
    held.resolve();
    await shown.until('older', (older) => older === 'true');
    await watched.page.locator('#chart').focus();
    await until(
      async () => {
        await watched.page.keyboard.press('Shift+ArrowLeft');
        return (await shown.state())['older'] === 'false';
      },
      { timeoutMs: 30_000, message: 'the first candle' },
    );
    let count = 0;
    for (let next: string | null = ''; next !== null; ) {
      const query: string = `interval=1s&limit=1000${next === '' ? '' : `&cursor=${next}`}`;
      const page = (await (await fetch(`${chart}/v1/markets/${symbol}/candles?${query}`)).json()) as {
        data: unknown[];
        next: string | null;
      };
      count += page.data.length;
      next = page.next;
    }
    expect(count).toBeGreaterThan(500);
    await shown.until('candles', (candles) => Number(candles) === count);
    await watched.page.getByRole('button', { name: 'To the newest' }).click();
    await watched.page.locator('#to-end').waitFor({ state: 'hidden' });
  });

  it('asks again for older candles that it did not get, without another move', async () => {
    await shown.open(chart, symbol, '1s');
    await shown.until('older', (older) => older === 'true');
    let away = true;
    await watched.page.route(/\/candles\?.*cursor=/, (route) =>
      away ? route.fulfill({ status: 503, json: {} }) : route.continue(),
    );
    await watched.page.locator('#chart').focus();
    for (let i = 0; i < 20; i++) await watched.page.keyboard.press('Shift+ArrowLeft');
    expect(await shown.state()).toMatchObject({ candles: '500' });
    away = false;
    await shown.until('candles', (candles) => Number(candles) > 500);
  });

  it('notices an event that is missing, and fetches it', async () => {
    const atRisk = published + 9;
    let lost: string | undefined;
    await watched.page.routeWebSocket(/\/v1\/stream$/, (near) => {
      const far = near.connectToServer();
      far.onMessage((message) => {
        const { channel, data } = JSON.parse(String(message)) as { channel?: string; data?: { id: string } };
        // The tenth trade from here never arrives.
        if (channel === `trades.${symbol}` && lost === undefined && data?.id === trades[atRisk]?.id)
          lost = data?.id;
        else near.send(message);
      });
    });
    await shown.open(chart, symbol, '1s');
    await publish(20);
    await expectPresent('1s');
    expect(lost).toBe(trades[atRisk]?.id);
    await expectUnbrokenTape(40);
    expect(await shown.state()).toMatchObject({ trades: '20', gaps: '1', resumed: '1', connections: '1' });
  });

  it('resumes after its connection was cut, without a gap', async () => {
    await shown.open(chart, symbol, '1s');
    await publish(10);
    await expectPresent('1s');
    way.break();
    await shown.until('connection', (state) => state !== 'live');
    await watched.page.getByText('Reconnecting…').waitFor();
    await publish(30, 3);
    way.mend();
    await shown.live();
    await publish(10);
    await expectPresent('1s');
    await expectUnbrokenTape(55);
    expect(await shown.state()).toMatchObject({ trades: '50', gaps: '0', resumed: '3', reloaded: '0' });
  });

  it('resumes on another edge when its own is killed', async () => {
    await shown.open(chart, symbol, '1m');
    await publish(5);
    await expectPresent('1m');
    const other = await stack.start('edge');
    const [killed] = stack.services.filter(({ name, process }) => name === 'edge' && process.running);
    await killed?.process.kill();
    await shown.until('connection', (state) => state !== 'live');
    await publish(20);
    way.mend(other.gateway);
    await shown.live();
    await publish(5);
    await expectPresent('1m');
    await expectUnbrokenTape(30);
    expect(await shown.state()).toMatchObject({ trades: '30', gaps: '0', resumed: '3', reloaded: '0' });
  });

  it('begins anew where the gateway lost its past', async () => {
    await shown.open(chart, symbol, '1s');
    await expectPresent('1s');
    await stack.nats.restart();
    await shown.until('reloaded', (count) => Number(count) >= 3);
    await shown.live();
    await publishWhenBack(20);
    await expectPresent('1s');
    await expectUnbrokenTape(20);
    expect(await shown.state()).toMatchObject({ trades: '20', gaps: '0', connections: '1' });
  });

  it('loads what it cannot resume, and shows where trades are missing', async () => {
    await shown.open(chart, symbol, '1s');
    await expectPresent('1s');
    way.break();
    await shown.until('connection', (state) => state !== 'live');
    await stack.nats.restart();
    await publishWhenBack(2 * history);
    // Before that, a client that comes back would still see where it was.
    await until(async () => (await newestLive()) === trades[published - 1]?.id, { timeoutMs: 20_000 });
    way.mend(workingEdge());
    await shown.until('reloaded', (count) => Number(count) >= 3);
    await shown.live();
    await publish(5);
    await expectPresent('1s');
    await expectUnbrokenTape(40);
    expect(await watched.page.getByText('trades between are not shown').count()).toBe(1);
    expect((await shown.state())['gaps']).toBe('0');
  });

  it('shows another market and interval, and keeps every digit of its prices', async () => {
    const ts = Date.UTC(2024, 0, 1);
    const prices = ['0.000000000000000123', '0.000000000000000121', '0.000000000000000125'];
    await post(
      'TINY',
      prices.map((price, i) => ({
        id: `${i}`,
        ts: ts + i,
        price,
        size: '123456789012345678.5',
        side: 'buy',
      })),
    );
    await shown.open(chart, symbol, '1m');
    await until(async () => (await rest('TINY/candles?limit=1')).length === 1, { timeoutMs: 20_000 });
    const market = watched.page.getByRole('combobox', { name: 'Market' });
    await market.focus();
    await market.locator('option[value=TINY]').waitFor({ state: 'attached' });
    await market.selectOption('TINY');
    await watched.page.getByRole('radio', { name: '1 day' }).check({ force: true });
    await until(async () => (await shown.candles()).length === 1);
    expect(await shown.candles()).toEqual([
      {
        ts,
        open: '0.000000000000000123',
        high: '0.000000000000000125',
        low: '0.000000000000000121',
        close: '0.000000000000000125',
        volume: '370370367037037035.5',
      },
    ]);
    await until(async () => (await shown.lastPrice()) === '0.000000000000000125');
    await until(async () => (await shown.tape()).length === 3);
    expect(await watched.page.locator('#tape td').nth(2).innerText()).toBe('123,456,789,012,345,678.5');
    expect(new URL(watched.page.url()).search).toBe('?symbol=TINY&interval=1d');
    expect(await shown.state()).toMatchObject({ symbol: 'TINY', interval: '1d', candles: '1' });
    expect(watched.complaints).toEqual([]);
  });

  it('fits the width of a phone, in light colours too', async () => {
    const phone = await openPage(browser, {
      viewport: { width: 360, height: 740 },
      colorScheme: 'light',
      hasTouch: true,
    });
    const small = new ChartPage(phone);
    await small.open(chart, symbol, '1s');
    expect(
      await phone.page.evaluate(
        'document.documentElement.scrollWidth <= document.documentElement.clientWidth',
      ),
    ).toBe(true);
    // The page knows its candles a frame before the canvas shows them.
    await until(async () => Math.min(...(await small.pixels('up', 'down'))) > 20, {
      message: 'a drawn chart',
    });
    const background = (): Promise<unknown> =>
      phone.page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    await phone.page.getByRole('button', { name: 'Theme: as the system' }).click();
    await phone.page.getByRole('button', { name: 'Theme: light' }).click();
    expect(await background()).not.toBe(light);
    await phone.page.reload();
    await phone.page.getByRole('button', { name: 'Theme: dark' }).waitFor();
    expect(await background()).not.toBe(light);
    expect(phone.complaints).toEqual([]);
    await phone.page.context().close();
  });
});
