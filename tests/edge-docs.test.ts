import { existsSync } from 'node:fs';
import { startStack, type TestStack } from '@sluice/testing';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** A browser of the machine; playwright-core brings none. */
const browserPath = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));

let stack: TestStack;
beforeAll(async () => (stack = await startStack({ services: ['router', 'edge'] })));
afterAll(() => stack.stop());

it.skipIf(browserPath === undefined)(
  'the API reference works in a browser, loads nothing from elsewhere and breaks none of its own rules',
  async () => {
    const browser = await chromium.launch({ executablePath: browserPath as string, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage({ colorScheme: 'dark' });
      const requests: string[] = [];
      const complaints: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`${stack.gateway}/docs`);
      await page.waitForSelector('.swagger-ui .info .title');
      expect(await page.title()).toBe('Sluice API reference');
      expect(await page.locator('.swagger-ui .info').innerText()).toContain('3.1');
      expect(complaints).toEqual([]);
      const elsewhere = requests.filter((url) => !url.startsWith(stack.gateway) && !url.startsWith('data:'));
      expect(elsewhere).toEqual([]);
    } finally {
      await browser.close();
    }
  },
);
