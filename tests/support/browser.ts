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
  /** Goes to an address, and once more where the machine's network changed while the page was loading. */
  goto(url: string): Promise<void>;
}

/** Chromium gives up what it is loading, from this machine too, when an interface appears: containers make some. */
const networkChanged = 'ERR_NETWORK_CHANGED';

/** Opens an empty page in a context of its own, so that nothing of another test is in its storage. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const page = await (await browser.newContext(options)).newPage();
  const origins = new Set<string>();
  const complaints: string[] = [];
  const note = (url: string): void => {
    if (!url.startsWith('data:')) origins.add(new URL(url).origin);
  };
  let disturbed = false;
  page.on('request', (request) => note(request.url()));
  page.on('requestfailed', (request) => {
    disturbed ||= request.failure()?.errorText.includes(networkChanged) === true;
  });
  page.on('websocket', (socket) => note(socket.url()));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    if (!message.text().includes(networkChanged)) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  const goto = async (url: string): Promise<void> => {
    for (let attempt = 1; attempt <= 5; attempt++) {
      disturbed = false;
      const loaded = await page.goto(url).catch((error: Error) => error);
      if (!disturbed && !(loaded instanceof Error)) return;
      if (!disturbed) throw loaded;
    }
    throw new Error(`the network of this machine does not come to rest: ${url} could not be loaded`);
  };
  return { page, origins, complaints, goto };
}
