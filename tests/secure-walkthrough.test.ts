import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { liveStream } from '@sluice/live';
import { connectBus, ensureStream } from '@sluice/nats';
import { makeApiKey } from '@sluice/policy';
import { startProcess, startStack, until, type TestProcess, type TestStack } from '@sluice/testing';
import { chromiumPath, launchBrowser, openPage } from './support/browser.ts';

let folder: string;
let stack: TestStack;
const patient = 60_000;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-walk-'));
  const key = path.join(folder, 'admin-key');
  await writeFile(key, makeApiKey().text, { mode: 0o600 });
  stack = await startStack({
    locked: true,
    services: ['admin', 'router', 'ratelimit', 'edge'],
    env: { SLUICE_ADMIN_KEY_FILE: key },
  });
  await startLive();
});
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The broadcaster's stream without the broadcaster, which would need a market first. */
async function startLive(): Promise<void> {
  const bus = await connectBus({ servers: [stack.natsUrl], name: 'test' });
  await ensureStream(bus, liveStream(1));
  await bus.close();
  const works = async (): Promise<boolean> => {
    const response = await fetch(`${stack.gateway}/v1/stream?channels=trades.TEST`);
    await response.body?.cancel();
    return response.status === 200;
  };
  await until(works, { timeoutMs: patient });
  // Routes of services appear within two seconds.
  await until(async () => (await present()).revision === '"0"', { timeoutMs: patient });
}

/** The walk-through as `npm run with-stack` starts it. */
function walk(...args: string[]): TestProcess {
  const env = {
    NATS_URL: stack.natsUrl,
    SLUICE_URL: stack.gateway,
    SLUICE_GATEWAY_URL: stack.gateway,
    SLUICE_ADMIN_KEY_FILE: path.join(folder, 'admin-key'),
  };
  return startProcess('examples/secure/walkthrough.ts', env, args);
}

const outputOf = (process: TestProcess): string => process.logs.map(({ msg }) => msg).join('\n');

describe('the walk-through of examples/secure', () => {
  it('goes from a document to a key and a login that are taken back', async () => {
    await using provider = startProcess('examples/secure/provider.ts', {}, [
      '--port',
      '0',
      '--gateway',
      stack.gateway,
    ]);
    const { msg = '' } = await provider.waitForLog(({ msg }) => msg?.startsWith('ready') === true, patient);
    const issuer = /http:\S+\d/.exec(msg)?.[0] ?? '';
    await using walking = walk('--provider', issuer, ...(chromiumPath === undefined ? ['--no-browser'] : []));
    if (chromiumPath !== undefined) await logIn(walking);
    const code = await walking.exited;
    const output = outputOf(walking);
    expect([code, output]).toEqual([0, expect.any(String)]);
    for (const line of [
      /revision \d+ is in force/,
      /^ +slk_\w{12}_\w{43}_\w{6}$/m,
      /→ 401\n +www-authenticate: ApiKey /,
      /→ 200\n +ratelimit-policy: "demo";q=5;w=60, "demo-day";q=1000;w=86400\n/,
      /→ 429\n +ratelimit: "demo";r=0;t=\d+.*\n +retry-after: \d+/,
      /orders without a key: unauthorized/,
      /somebody-else\.orders with it: forbidden/,
      /event: \{"text":"an order"\}/,
      /closed: 4410 /,
      /admin \(key \w{12}\) +key\.disable +key\/\w{12} +made/,
      /consumer demo-shop-\w{6} is deleted/,
    ])
      expect(output).toMatch(line);
    if (chromiumPath === undefined) return;
    expect(output).toMatch(/tokens of ada from demo that were made before now are revoked/);
    expect(output).toMatch(/revocation\.create +revocation\/subject\/demo\/ada +made +walk-through$/m);
  });

  it('does not take the place of a document that somebody needs', async () => {
    const { revision } = await present();
    const applied = await fetch(`${stack.gateway}/admin/v1/document?comment=mine`, {
      method: 'PUT',
      headers: { ...(await credentials()), 'content-type': 'application/yaml', 'if-match': revision },
      body: 'roles: {mine: {}}\n',
    });
    expect(applied.status).toBe(200);
    await using walking = walk('--no-browser');
    expect(await walking.exited).toBe(1);
    expect(outputOf(walking)).toContain('this gateway has a document already: --replace puts');
    expect((await present()).text).toBe('{"roles":{"mine":{}}}');
  });
});

/** What a person does in a browser meanwhile. */
async function logIn(walking: TestProcess): Promise<void> {
  await walking.waitForLog(({ msg }) => msg?.includes('waiting for somebody') === true, patient);
  const browser = await launchBrowser();
  try {
    const opened = await openPage(browser);
    const { page } = opened;
    page.setDefaultTimeout(patient);
    await opened.goto(`${stack.gateway}/secure`);
    await page.click('text=Log in');
    await page.fill('input[name=name]', 'no name');
    expect(await page.$('input:invalid')).not.toBeNull();
    await page.fill('input[name=name]', 'ada');
    await page.click('button');
    await page.waitForSelector('text=listening to user.ada.notes');
    await page.waitForSelector('text=Hello ada, nobody else can read this.');
    await page.waitForSelector('text=closed with 4410');
  } finally {
    await browser.close();
  }
}

async function credentials(): Promise<Record<string, string>> {
  return { 'x-api-key': await readFile(path.join(folder, 'admin-key'), 'utf8') };
}

async function present(): Promise<{ revision: string; text: string }> {
  const response = await fetch(`${stack.gateway}/admin/v1/document`, { headers: await credentials() });
  return { revision: String(response.headers.get('etag')), text: await response.text() };
}
