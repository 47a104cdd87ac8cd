import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../services/edge/testing/test-edge.ts';
import { chromiumPath, launchBrowser, openPage, type WatchedPage } from './support/browser.ts';

/** What a browser makes of the edge's answers to pages of another origin. */
let edge: TestEdge;
let pages: Server;
let browser: Browser;
let watched: WatchedPage;

interface Seen {
  readonly status?: number;
  readonly fields?: Record<string, string>;
  readonly refused?: true;
}

/** A call as a page of this test makes it; refused where the browser does not let the page see the answer. */
function call(path: string, options: RequestInit): Promise<Seen> {
  return watched.page.evaluate(
    async ([url, init]) => {
      try {
        const response = await fetch(url, init);
        return { status: response.status, fields: Object.fromEntries(response.headers) };
      } catch {
        return { refused: true as const };
      }
    },
    [edge.url + path, options as object] as const,
  );
}

describe.skipIf(chromiumPath === undefined)('a page of another origin', () => {
  beforeAll(async () => {
    pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<p>a page'));
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    const origin = `http://localhost:${(pages.address() as AddressInfo).port}`;
    edge = await startTestEdge({
      document: {
        cors: {
          app: {
            origins: [origin],
            credentials: true,
            headers: ['content-type', 'x-tenant'],
            expose: ['x-total'],
          },
          others: { origins: ['https://other.example'], credentials: true },
          everybody: { origins: ['*'] },
        },
        defaults: { cors: 'app' },
      },
    });
    await edge.route({ id: 'put', method: 'PUT', path: '/v1/items', cors: 'app' });
    await edge.route({ id: 'drop', method: 'DELETE', path: '/v1/items', cors: 'others' });
    await edge.route({ id: 'closed', path: '/v1/closed', cors: 'app', auth: ['key'] });
    await edge.route({ id: 'open', path: '/v1/open', cors: 'everybody' });
    edge.backend = () => ({ headers: ['x-total', '7', 'x-hidden', '8'], body: Buffer.from('{}') });
    browser = await launchBrowser();
    watched = await openPage(browser);
    await watched.goto(origin);
  });
  afterAll(async () => {
    await browser?.close();
    await edge?.stop();
    pages?.close();
  });

  it('may call what its policy allows, with cookies and fields of its own, and reads what is exposed', async () => {
    const seen = await call('/v1/items', {
      method: 'PUT',
      credentials: 'include',
      headers: { 'content-type': 'application/json', 'x-tenant': 'one' },
      body: '{}',
    });
    expect(seen).toMatchObject({ status: 200, fields: { 'x-total': '7' } });
    expect(seen.fields).not.toHaveProperty('x-hidden');
    expect(edge.received.map(({ method, route }) => [method, route])).toEqual([['PUT', 'put']]);
  });

  it('may not call with a method or a field that is not allowed: the call is never made', async () => {
    edge.received.length = 0;
    expect(await call('/v1/items', { method: 'DELETE' })).toEqual({ refused: true });
    expect(await call('/v1/items', { method: 'PUT', headers: { 'x-other': '1' } })).toEqual({
      refused: true,
    });
    expect(edge.received).toEqual([]);
  });

  it('reads refusals too', async () => {
    expect(await call('/v1/closed', { headers: { 'x-tenant': 'one' } })).toMatchObject({ status: 401 });
    expect(await call('/nowhere', {})).toMatchObject({ status: 404 });
  });

  it('calls what is open to everybody, but not with cookies', async () => {
    expect(await call('/v1/open', {})).toMatchObject({ status: 200 });
    expect(await call('/v1/open', { credentials: 'include' })).toEqual({ refused: true });
  });
});
