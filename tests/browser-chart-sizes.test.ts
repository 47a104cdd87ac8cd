import { startProcess, until, type TestProcess } from '@sluice/testing';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumPath, launchBrowser, openPage, type WatchedPage } from './support/browser.ts';
import { ChartPage } from './support/chart-page.ts';
import { PretendedGateway } from './support/pretended-gateway.ts';

/** The live chart in windows, with figures, addresses and browsers that are not the usual ones. */

const usual = { symbol: 'BTCUSDT', price: '61837.6', volume: '1234567.891' };
const tiny = { symbol: 'TINY', price: '0.000000000000000123', volume: '0.00123456' };

let gateway: PretendedGateway;
let server: TestProcess;
let chart = '';
let browser: Browser;
let watched: WatchedPage;
let shown: ChartPage;

async function openEmpty(options: BrowserContextOptions = {}): Promise<void> {
  watched = await openPage(browser, options);
  shown = new ChartPage(watched);
}

/** Runs in the page: what of this is cut off by a panel, or lies beyond the end of the page. */
const outOfReach = `(() => {
  const found = [];
  const { scrollWidth, scrollHeight } = document.documentElement;
  for (const selector of ['#intervals label:last-child', '#chart', '#candle-table .scroll', 'footer']) {
    const { left, right, top, bottom } = document.querySelector(selector).getBoundingClientRect();
    const panel = document.querySelector(selector).closest('.panel')?.getBoundingClientRect();
    const cut = panel && (left < panel.left || right > panel.right || top < panel.top || bottom > panel.bottom);
    if (cut || right + scrollX > scrollWidth || bottom + scrollY > scrollHeight || right - left < 1) found.push(selector);
  }
  return found;
})()`;

describe.skipIf(chromiumPath === undefined)('the live chart', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    gateway = await PretendedGateway.start([usual, tiny]);
    server = startProcess('examples/live-chart/serve.ts', {}, ['--gateway', gateway.url, '--port', '0']);
    chart = String((await server.waitForLog((line) => line.msg === 'ready'))['chart']);
  });
  afterEach(async () => {
    await watched.page.context().close();
    await server.stop();
    await gateway.stop();
  });

  it.each([
    [1280, 760],
    [1280, 480],
    [1000, 700],
    [910, 512],
    [360, 740],
  ])('has everything in reach in a window of %i × %i, with its table open', async (width, height) => {
    await openEmpty({ viewport: { width, height } });
    await shown.open(chart, 'BTCUSDT', '1m');
    await until(async () => (await shown.candles()).length === 30, { message: 'the rows of the table' });
    expect(await watched.page.evaluate(outOfReach)).toEqual([]);
    expect(await watched.page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect(watched.complaints).toEqual([]);
  });

  it('shows that the drawing has the focus', async () => {
    await openEmpty();
    await shown.open(chart, 'BTCUSDT', '1m');
    await until(async () => Math.min(...(await shown.pixels('up', 'down'))) > 20, {
      message: 'a drawn chart',
    });
    const drawing = watched.page.locator('#chart');
    const box = (await drawing.boundingBox())!;
    const clip = { x: box.x, y: box.y + box.height / 4, width: 2, height: box.height / 4 };
    const before = await watched.page.screenshot({ clip });
    await watched.page.keyboard.press('Tab');
    await drawing.focus();
    expect((await watched.page.screenshot({ clip })).equals(before)).toBe(false);
  });

  it('shows small amounts and prices as what they are', async () => {
    await openEmpty();
    // What the drawing writes is in no element.
    await watched.page.addInitScript(`
      const { fillText } = CanvasRenderingContext2D.prototype;
      window.written = new Set();
      CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        written.add(text);
        fillText.call(this, text, ...place);
      };`);
    await shown.open(chart, 'TINY', '1m');
    const legend = watched.page.locator('#legend');
    await legend.getByText('Vol 0.00123', { exact: true }).waitFor();
    const written = (): Promise<string[]> => watched.page.evaluate('[...written]');
    let texts: string[] = [];
    await until(async () => (texts = await written()).some((text) => /^1\.2[34]e-16$/.test(text)), {
      message: () => `a price on the axis, in ${texts.join(', ')}`,
    });
    expect(texts.filter((text) => /^0\.0+$/.test(text))).toEqual([]);

    await watched.page.getByRole('combobox', { name: 'Market' }).selectOption('BTCUSDT');
    await legend.getByText('Vol 1.23M', { exact: true }).waitFor();
    await until(async () => (await written()).includes('61,837.6'), { message: 'the price as it is' });
  });

  it('finds a market however its name is written', async () => {
    await openEmpty();
    await watched.goto(`${chart}/?symbol=tiny&interval=1h`);
    await shown.until('symbol', (symbol) => symbol === 'TINY');
    expect(new URL(watched.page.url()).search).toBe('?symbol=TINY&interval=1h');
  });

  it('says that there is no such market, and waits for it', async () => {
    await openEmpty();
    await watched.goto(`${chart}/?symbol=nope&interval=1h`);
    await watched.page.getByText('There is no market nope.').waitFor();
    expect(new URL(watched.page.url()).search).toBe('?symbol=nope&interval=1h');
    gateway.markets.push({ ...usual, symbol: 'NOPE' });
    await shown.until('symbol', (symbol) => symbol === 'NOPE');
    await watched.page.locator('#message').waitFor({ state: 'hidden' });
    expect(new URL(watched.page.url()).search).toBe('?symbol=NOPE&interval=1h');
  });

  it('shows another market where the reader chooses one instead', async () => {
    await openEmpty();
    await watched.goto(`${chart}/?symbol=NOPE`);
    await watched.page.getByText('There is no market NOPE.').waitFor();
    const market = watched.page.getByRole('combobox', { name: 'Market' });
    expect(await market.inputValue()).toBe('');
    await watched.page.getByRole('radio', { name: '1 day' }).check({ force: true });
    await market.selectOption('BTCUSDT');
    await shown.until('candles', (count) => Number(count) > 0);
    await watched.page.locator('#message').waitFor({ state: 'hidden' });
    expect(new URL(watched.page.url()).search).toBe('?symbol=BTCUSDT&interval=1d');
  });

  it('works in a browser that keeps nothing for pages', async () => {
    await openEmpty();
    await watched.page.addInitScript(
      "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });",
    );
    await shown.open(chart, 'BTCUSDT', '1m');
    await watched.page.getByRole('button', { name: 'Theme: as the system' }).click();
    await watched.page.getByRole('button', { name: 'Theme: light' }).waitFor();
    expect(watched.complaints).toEqual([]);
  });
});
