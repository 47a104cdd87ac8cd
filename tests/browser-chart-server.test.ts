import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RawClient, rawRequest, startProcess, type TestProcess } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The little server of the live chart: its files, and its way to the gateway. */

let gateway: Server;
let server: TestProcess;
let chart = '';

async function serve(args: readonly string[]): Promise<{ process: TestProcess; url: string }> {
  const process = startProcess('examples/live-chart/serve.ts', {}, args);
  return { process, url: String((await process.waitForLog((line) => line.msg === 'ready'))['chart']) };
}

describe('the server of the live chart', () => {
  beforeAll(async () => {
    gateway = createServer((request, response) => {
      const seen = [request.method, request.url, request.headers['x-own']].join(' ');
      response.writeHead(203, { 'x-seen': seen });
      response.end('from the gateway');
    });
    gateway.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 4\r\n\r\nlate');
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    ({ process: server, url: chart } = await serve(['--gateway', url, '--port', '0']));
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
    gateway.closeAllConnections();
    gateway.close();
  });

  it('has everything that its page names, under a strict policy', async () => {
    const response = await fetch(chart);
    expect(response.status).toBe(200);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain('unsafe');
    const html = await response.text();
    // The link of the attribution leads elsewhere; nothing is loaded from there.
    expect(html).not.toMatch(/(?:src|href)="https?:(?!\/\/www\.tradingview\.com\/")|<style|style=|<script>/);
    const names = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, name]) => name as string);
    for (const seen = new Set<string>(); names.length > 0; ) {
      const name = names.pop() as string;
      if (seen.has(name)) continue;
      seen.add(name);
      const file = await fetch(chart + name);
      expect([name, file.status]).toEqual([name, 200]);
      expect(file.headers.get('x-content-type-options')).toBe('nosniff');
      const text = await file.text();
      if (!name.startsWith('/vendor/'))
        for (const [, other] of text.matchAll(/ from '\.(\/[^']+)'/g)) names.push(other as string);
    }
  });

  it.each([
    ['GET /serve.ts', 404],
    ['GET /../serve.ts', 404],
    ['GET /%2e%2e/serve.ts', 404],
    ['GET /vendor/../../package.json', 404],
    ['GET /constructor', 404],
    ['POST /', 405],
    ['POST /v1/markets/BTCUSDT/trades', 405],
    ['DELETE /v1/markets', 405],
  ])('has no other door: %s is %i', async (line, status) => {
    expect((await rawRequest(chart, `${line} HTTP/1.1\r\nHost: a\r\n\r\n`)).status).toBe(status);
  });

  it('passes requests and answers on', async () => {
    const response = await fetch(`${chart}/v1/x/y?z=%20`, { headers: { 'x-own': 'field' } });
    expect(response.status).toBe(203);
    expect(response.headers.get('x-seen')).toBe('GET /v1/x/y?z=%20 field');
    expect(await response.text()).toBe('from the gateway');
  });

  it('passes on why a WebSocket is refused, and takes none elsewhere', async () => {
    const upgrade = (path: string): string =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n`;
    const client = await RawClient.open(chart);
    client.send(upgrade('/v1/stream'));
    const response = await client.response();
    expect([response.status, response.header('retry-after')]).toEqual([429, '3']);
    client.close();
    await expect(rawRequest(chart, upgrade('/elsewhere'))).rejects.toThrow();
  });

  it('says so when the gateway is away', async () => {
    const { process, url } = await serve(['--gateway', 'http://127.0.0.1:9', '--port', '0']);
    const response = await fetch(`${url}/v1/markets`);
    expect(response.status).toBe(502);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect((await fetch(url)).status).toBe(200);
    await process.stop();
  });

  it.each([
    [['--port', 'x1'], /--port: expected a number/],
    [['--gateway', 'ftp://127.0.0.1'], /--gateway: expected an http or https URL/],
    [
      ['--gateway', 'https://a.test/sluice'],
      /--gateway: expected scheme, host and port only, as in https:..a.test:/,
    ],
    [['--gateway', 'https://a.test?'], /--gateway: expected scheme, host and port only/],
    [['--gateway', 'https://me:hush@a.test'], /--gateway: expected scheme, host and port only/],
    [
      ['--gateway', 'https://a.test', '--certificate', '/none.crt'],
      /the certificate .none\.crt cannot be used: /,
    ],
    [['--colour', 'red'], /--colour/],
  ])('ends with a sentence for %j', async (args, sentence) => {
    const process = startProcess('examples/live-chart/serve.ts', {}, args);
    expect(await process.exited).toBe(1);
    expect(process.logs.map(({ msg }) => msg).join('\n')).toMatch(sentence);
  });

  it('ends with a sentence when its port is taken', async () => {
    const process = startProcess('examples/live-chart/serve.ts', {}, ['--port', new URL(chart).port]);
    expect(await process.exited).toBe(1);
    expect(process.logs.at(-1)?.msg).toMatch(/^port \d+ is taken: choose another one with --port$/);
  });
});
