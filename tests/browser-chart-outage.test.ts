import { startProcess, until, type TestProcess } from '@sluice/testing';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumPath, launchBrowser, openPage, type WatchedPage } from './support/browser.ts';
import { ChartPage } from './support/chart-page.ts';
import { PretendedGateway } from './support/pretended-gateway.ts';

/** The live chart where the network swallows what it is given: nothing is refused, nothing is answered. */

let gateway: PretendedGateway;
let server: TestProcess;
let chart = '';
let browser: Browser;
let watched: WatchedPage;
let shown: ChartPage;

/** The page was live, lost its connection, and waits for the answer to another handshake. */
async function swallowed(): Promise<void> {
  await shown.open(chart, 'BTCUSDT', '1m');
  gateway.silent = true;
  gateway.cut();
  await until(() => gateway.handshakes === 2, { message: 'the handshake that nobody answers' });
}

describe.skipIf(chromiumPath === undefined)('the live chart in a network that is silent', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    gateway = await PretendedGateway.start([{ symbol: 'BTCUSDT', price: '100.5', volume: '3' }]);
    server = startProcess('examples/live-chart/serve.ts', {}, ['--gateway', gateway.url, '--port', '0']);
    chart = String((await server.waitForLog((line) => line.msg === 'ready'))['chart']);
    watched = await openPage(browser);
    shown = new ChartPage(watched);
    // The page's time is the test's.
    await watched.page.clock.install();
  });
  afterEach(async () => {
    await watched.page.context().close();
    await server.stop();
    await gateway.stop();
  });

  it('gives up a handshake that is not answered, long before the browser does', async () => {
    await swallowed();
    gateway.silent = false;
    await until(
      async () => {
        await watched.page.clock.fastForward(1_000);
        return (await shown.state())['connection'] === 'live';
      },
      { timeoutMs: 60_000, message: 'a connection' },
    );
    expect(await shown.state()).toMatchObject({ connections: '2' });
  });

  it.each([
    ['the browser is online again', "dispatchEvent(new Event('online'))"],
    ['the page is looked at again', "document.dispatchEvent(new Event('visibilitychange'))"],
  ])('tries again at once when %s, and leaves an attempt alone that has just begun', async (_what, event) => {
    await swallowed();
    gateway.silent = false;
    // From here on no timer of the page fires; before that the attempt becomes five seconds old.
    const now = Number(await watched.page.evaluate('Date.now()'));
    await watched.page.clock.pauseAt(now + 5_000);
    await watched.page.evaluate(`${event}; ${event}`);
    await until(() => gateway.handshakes === 3, { message: 'the next handshake' });
    await watched.page.clock.resume();
    await shown.live();
    expect(gateway.handshakes).toBe(3);
  });
});
