import { encodeResponse } from '@sluice/wire';
import { RawClient, rawRequest } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../testing/test-edge.ts';

let edge: TestEdge;
beforeAll(async () => (edge = await startTestEdge()));
afterAll(() => edge.stop());

describe('the API reference', () => {
  it.each([
    ['/docs', 'text/html; charset=utf-8', 'Sluice API reference'],
    ['/docs/', 'text/html; charset=utf-8', 'Sluice API reference'],
    ['/docs/sluice.js', 'text/javascript; charset=utf-8', '/openapi.json'],
    ['/docs/sluice.css', 'text/css; charset=utf-8', 'body'],
    ['/docs/swagger-ui.css', 'text/css; charset=utf-8', '.swagger-ui'],
    ['/docs/swagger-ui-bundle.js', 'text/javascript; charset=utf-8', 'SwaggerUIBundle'],
    ['/docs/favicon-32x32.png', 'image/png', 'PNG'],
  ])('serves %s', async (path, type, part) => {
    const response = await fetch(edge.url + path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await response.text()).toContain(part);
  });

  it('loads nothing from elsewhere and runs nothing inline', async () => {
    const response = await fetch(`${edge.url}/docs`);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
    const html = await response.text();
    expect(html).not.toMatch(/https?:|<style|style=|onload|<script>/);
    for (const [, path] of html.matchAll(/(?:src|href)="([^"]+)"/g))
      if (path !== '/openapi.json') expect((await fetch(edge.url + path)).status).toBe(200);
  });

  it('is fetched once and then asked for', async () => {
    const first = await fetch(`${edge.url}/docs/swagger-ui.css`);
    const etag = first.headers.get('etag') as string;
    const ask = (value: string) =>
      fetch(`${edge.url}/docs/swagger-ui.css`, { headers: { 'if-none-match': value } });
    for (const value of [etag, etag.slice(2), `"other", ${etag}`, '*']) {
      const again = await ask(value);
      expect([again.status, await again.text()]).toEqual([304, '']);
      expect(again.headers.get('etag')).toBe(etag);
    }
    expect((await ask('"other"')).status).toBe(200);
  });

  it('comes compressed to those who take it', async () => {
    const sizeOf = async (accept: string): Promise<number> => {
      const client = await RawClient.open(edge.url);
      client.send(
        `HEAD /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${accept}\r\n\r\n`,
      );
      const response = await client.response({ head: true });
      client.close();
      return Number(response.header('content-length'));
    };
    expect(await sizeOf('gzip')).toBeLessThan((await sizeOf('identity')) / 2);
    expect(await sizeOf('br, gzip;q=0.5')).toBe(await sizeOf('gzip'));
    expect(await sizeOf('gzip;q=0')).toBe(await sizeOf('identity'));
  });

  it.each([
    ['GET', '/docs/package.json', 404],
    ['GET', '/docs/index.html', 404],
    ['GET', '/docs/swagger-ui.css/', 404],
    ['GET', '/docs/constructor', 404],
    ['GET', '/docs/../package.json', 400],
    ['GET', '/docs/..%2f..%2fpackage.json', 400],
    ['GET', '/docs//swagger-ui.css', 400],
    ['GET', '/docs/%2e%2e/%2e%2e/package.json', 400],
    ['GET', '/docsx', 404],
    ['POST', '/docs', 405],
  ])('has no other door: %s %s is %i', async (method, path, status) => {
    expect((await rawRequest(edge.url, `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).status).toBe(status);
  });
});

describe('/openapi.json', () => {
  it('is asked of a router on a subject of its own, and 503 without one', async () => {
    expect((await fetch(`${edge.url}/openapi.json`)).status).toBe(503);
    const subscription = edge.bus.subscribe('sluice.openapi', (message) =>
      message.respond(
        encodeResponse({
          status: 200,
          headers: ['content-type', 'application/json'],
          body: Buffer.from('{"openapi":"3.1.0"}'),
        }),
      ),
    );
    await edge.bus.flush();
    const response = await fetch(`${edge.url}/openapi.json`);
    expect(await response.json()).toEqual({ openapi: '3.1.0' });
    subscription.unsubscribe();
  });
});
