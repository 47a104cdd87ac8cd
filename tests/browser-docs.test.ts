import { startStack, until, type TestStack } from '@sluice/testing';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumPath, launchBrowser, openPage, type WatchedPage } from './support/browser.ts';

/** The API reference of a running gateway, as somebody uses it who wants to try a request. */

let stack: TestStack;
let browser: Browser;
let watched: WatchedPage;

function operation(method: string, path: string): Locator {
  const page = watched.page;
  return page
    .locator('.opblock')
    .filter({ has: page.locator('.opblock-summary-method', { hasText: new RegExp(`^${method}$`) }) })
    .filter({ has: page.locator(`[data-path="${path}"]`) });
}

/** Opens an operation, fills its parameters in, sends it; what the gateway answered. */
async function tryOut(
  block: Locator,
  fill: (block: Locator) => Promise<void>,
): Promise<{ status: string; body: string }> {
  await block.locator('.opblock-summary-control').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  await fill(block);
  await block.getByRole('button', { name: 'Execute' }).click();
  const answer = block.locator('.live-responses-table tr.response');
  return {
    status: (await answer.locator('td.response-col_status').innerText()).trim(),
    body: await answer.locator('.highlight-code code').first().innerText(),
  };
}

describe.skipIf(chromiumPath === undefined)('the API reference in a browser', () => {
  beforeAll(async () => {
    stack = await startStack({
      services: ['router', 'edge', 'marketdata'],
      document: { overrides: { 'marketdata.add-trades': { auth: 'public' } } },
    });
    await until(async () => (await fetch(`${stack.gateway}/v1/markets`)).status === 200, {
      timeoutMs: 30_000,
    });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });
  beforeEach(async () => {
    watched = await openPage(browser, { viewport: { width: 1280, height: 1_000 } });
    await watched.goto(`${stack.gateway}/docs`);
    await watched.page.locator('.opblock').first().waitFor();
  });
  afterEach(() => watched.page.context().close());

  it('lists every operation of the gateway’s document', async () => {
    const document = (await (await fetch(`${stack.gateway}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const expected = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((method) => /^(?:get|post|put|patch|delete)$/.test(method))
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(expected).toContain('GET /v1/markets/{symbol}/candles');
    for (const line of expected) {
      const [method = '', path = ''] = line.split(' ');
      expect(await operation(method, path).count(), line).toBe(1);
      expect(await operation(method, path).isVisible(), line).toBe(true);
    }
    expect(watched.origins).toEqual(new Set([stack.gateway]));
    expect(watched.complaints).toEqual([]);
  });

  it('sends a request from the page, with a body and with parameters', async () => {
    const trade = { id: '7', ts: 1_723_161_255_342, price: '61837.63', size: '0.02', side: 'sell' };
    const posted = await tryOut(operation('POST', '/v1/markets/{symbol}/trades'), async (block) => {
      await block.locator('tr[data-param-name="symbol"] input').fill('TRIED');
      await block.locator('textarea.body-param__text').fill(JSON.stringify({ trades: [trade] }));
    });
    expect(posted.status).toBe('202');
    expect(JSON.parse(posted.body)).toMatchObject({ received: 1, new: 1 });
    await until(async () => (await fetch(`${stack.gateway}/v1/markets/TRIED`)).status === 200);

    const read = await tryOut(operation('GET', '/v1/markets/{symbol}/trades'), async (block) => {
      await block.locator('tr[data-param-name="symbol"] input').fill('TRIED');
      await block.locator('tr[data-param-name="limit"] input').fill('5');
    });
    expect(read.status).toBe('200');
    expect(JSON.parse(read.body)).toEqual({ data: [trade], next: null });
    expect(watched.origins).toEqual(new Set([stack.gateway]));
    expect(watched.complaints).toEqual([]);
  });

  it('shows the problem that the gateway answers', async () => {
    const refused = await tryOut(operation('GET', '/v1/markets/{symbol}/ticker'), (block) =>
      block.locator('tr[data-param-name="symbol"] input').fill('NOWHERE'),
    );
    expect(refused.status).toContain('404');
    expect(refused.body).toContain('not_found');
    expect(watched.origins).toEqual(new Set([stack.gateway]));
  });
});
