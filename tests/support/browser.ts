import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** A browser of the machine; playwright-core brings none. */
export const chromiumPath = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));

if (chromiumPath === undefined)
  console.warn('No Chromium here (apt install chromium, or CHROMIUM_PATH): the browser tests are skipped.');

export function launchBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('no Chromium on this machine');
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      // Root, as in most containers, may not use its sandbox.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A page, and what went over it that its user would not see. */
export interface WatchedPage {
  readonly page: Page;
  /** Scheme, host and port of everything it asked for, WebSockets included, each once. */
  readonly origins: Set<string>;
  /** Console errors and warnings, thrown errors, and breaches of the page's own policy. */
  readonly complaints: string[];
}

/** Opens an empty page in a context of its own, so that nothing of another test is in its storage. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const page = await (await browser.newContext(options)).newPage();
  const origins = new Set<string>();
  const complaints: string[] = [];
  const note = (url: string): void => {
    if (!url.startsWith('data:')) origins.add(new URL(url).origin);
  };
  page.on('request', (request) => note(request.url()));
  page.on('websocket', (socket) => note(socket.url()));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, origins, complaints };
}
