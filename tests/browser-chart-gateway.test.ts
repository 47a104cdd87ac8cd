import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import {
  makeCertificate,
  RawClient,
  startProcess,
  type TestCertificate,
  type TestProcess,
} from '@sluice/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

/** How the chart's server calls gateways that are elsewhere: behind a name, behind TLS, on IPv6. */

const hasIPv6 = Object.values(networkInterfaces()).some((own) =>
  own?.some(({ address }) => address === '::1'),
);
let folder: string;
const servers: Server[] = [];
const charts: TestProcess[] = [];

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function startChart(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ process: TestProcess; url: string }> {
  const process = startProcess('examples/live-chart/serve.ts', env, [...args, '--port', '0']);
  charts.push(process);
  return { process, url: String((await process.waitForLog((line) => line.msg === 'ready'))['chart']) };
}

/** Answers 404 for every host but this one, as an Ingress does; else the name that the TLS handshake asked for. */
function onlyFor(host: () => string): RequestListener {
  return (request, response) => {
    response.statusCode = request.headers.host === host() ? 200 : 404;
    response.end(String((request.socket as TLSSocket).servername));
  };
}

function secure({ cert, key }: TestCertificate, listener: RequestListener) {
  return createSecureServer({ cert, key }, listener);
}

async function fileOf(name: string, { cert }: TestCertificate): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, cert);
  return file;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-chart-'));
});
afterEach(async () => {
  for (const chart of charts.splice(0)) await chart.stop();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the way from the live chart to its gateway', () => {
  it("asks for the gateway's own host", async () => {
    let host = '';
    const port = await listen(createServer(onlyFor(() => host)));
    host = `localhost:${port}`;
    const { url } = await startChart(['--gateway', `http://${host}`]);
    expect((await fetch(`${url}/v1/markets`)).status).toBe(200);
  });

  it.each([
    ['its own page is a page of the gateway', 'chart', 'gateway'],
    ['a page of another site stays one', 'http://other.test', 'http://other.test'],
    ['a sandboxed page stays one', 'null', 'null'],
  ])('opens WebSockets: %s', async (_what, origin, expected) => {
    const gateway = createServer();
    gateway.on('upgrade', ({ headers }, socket) =>
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nx-host: ${headers.host}\r\nx-origin: ${headers.origin}\r\ncontent-length: 0\r\n\r\n`,
      ),
    );
    const host = `localhost:${await listen(gateway)}`;
    const { url } = await startChart(['--gateway', `http://${host}`]);
    const client = await RawClient.open(url);
    client.send(
      `GET /v1/stream HTTP/1.1\r\nHost: ${new URL(url).host}\r\nOrigin: ${origin === 'chart' ? url : origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n`,
    );
    const response = await client.response();
    client.close();
    expect(response.status).toBe(403);
    expect(response.header('x-host')).toBe(host);
    expect(response.header('x-origin')).toBe(expected === 'gateway' ? `http://${host}` : expected);
  });

  it('speaks TLS with the name of the gateway, and believes whom Node believes', async () => {
    const certificate = makeCertificate('localhost');
    const file = await fileOf('localhost.crt', certificate);
    let host = '';
    host = `localhost:${await listen(
      secure(
        certificate,
        onlyFor(() => host),
      ),
    )}`;
    const args = ['--gateway', `https://${host}`];
    const { url } = await startChart(args, { NODE_EXTRA_CA_CERTS: file });
    const response = await fetch(`${url}/v1/markets`);
    expect([response.status, await response.text()]).toEqual([200, 'localhost']);

    const stranger = await startChart(args);
    expect((await fetch(`${stranger.url}/v1/markets`)).status).toBe(502);
    const told = await stranger.process.waitForLog(({ msg }) => msg === 'the gateway cannot be reached');
    expect(told).toMatchObject({
      level: 'warn',
      gateway: `https://${host}`,
      reason: expect.stringContaining('certificate') as string,
    });
  });

  it('takes the certificate of a file, whatever its name, and no other; follows the file', async () => {
    const [first, second] = [makeCertificate('first.example'), makeCertificate('second.example')];
    const file = await fileOf('pinned.crt', first);
    // Each call is a handshake of its own.
    const gateway = secure(
      first,
      (_request, response) => void response.setHeader('connection', 'close').end(),
    );
    const args = ['--gateway', `https://127.0.0.1:${await listen(gateway)}`, '--certificate', file];
    const { process, url } = await startChart(args);
    const status = async (): Promise<number> => (await fetch(`${url}/v1/markets`)).status;
    expect(await status()).toBe(200);

    gateway.setSecureContext(second);
    expect(await status()).toBe(502);
    // As an intermediate one would be; what is meant is the first.
    await writeFile(file, first.cert + second.cert);
    expect(await status()).toBe(502);
    await process.waitForLog(({ reason }) => /another certificate than the one in/.test(String(reason)));

    await fileOf('pinned.crt', second);
    expect(await status()).toBe(200);
    // A renewal that is half done.
    await writeFile(file, '');
    expect(await status()).toBe(200);
  });

  it.skipIf(!hasIPv6)('reaches a gateway on IPv6', async () => {
    let host = '';
    const port = await listen(createServer(onlyFor(() => host)), '::1');
    host = `[::1]:${port}`;
    const { url } = await startChart(['--gateway', `http://${host}`]);
    expect((await fetch(`${url}/v1/markets`)).status).toBe(200);
  });
});
