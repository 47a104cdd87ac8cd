/** The live chart: `node examples/live-chart/serve.ts --gateway http://127.0.0.1:8080 --port 8081` */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { GatewayAddress } from './gateway-address.ts';
import { GatewayProxy } from './gateway-proxy.ts';
import { answerFile } from './page-files.ts';
import { PinnedCertificate } from './pinned-certificate.ts';

/** One JSON line, as the services write them. */
function log(
  level: 'info' | 'warn' | 'fatal',
  msg: string,
  facts: Readonly<Record<string, string>> = {},
): void {
  console.log(JSON.stringify({ level, time: new Date().toISOString(), service: 'chart', msg, ...facts }));
}

function fail(reason: string): never {
  log('fatal', reason);
  process.exit(1);
}

function readOptions(): { gateway: GatewayAddress; host: string; port: number } {
  const { SLUICE_URL, SLUICE_CHART_PORT } = process.env;
  try {
    const { values } = parseArgs({
      options: {
        gateway: { type: 'string' },
        certificate: { type: 'string' },
        host: { type: 'string' },
        port: { type: 'string' },
      },
    });
    const certificate =
      values.certificate === undefined ? undefined : new PinnedCertificate(values.certificate);
    const gateway = new GatewayAddress(
      values.gateway ?? (SLUICE_URL || 'http://127.0.0.1:8080'),
      certificate,
    );
    const port = values.port ?? (SLUICE_CHART_PORT || '8081');
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
      throw new Error('--port: expected a number from 0 to 65535');
    return { gateway, host: values.host ?? '127.0.0.1', port: Number(port) };
  } catch (error) {
    return fail((error as Error).message);
  }
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
}

const { gateway, host, port } = readOptions();
const proxy = new GatewayProxy(gateway, (reason) =>
  log('warn', 'the gateway cannot be reached', { gateway: gateway.origin, reason }),
);
const server = createServer((request, response) => {
  if (request.url?.startsWith('/v1/') === true) proxy.pass(request, response);
  else void answerFile(request, response);
});
server.on('upgrade', (request, socket, head) => proxy.upgrade(request, socket, head));
const url = await listen(server, host, port).catch((error: NodeJS.ErrnoException) =>
  fail(error.code === 'EADDRINUSE' ? `port ${port} is taken: choose another one with --port` : error.message),
);
log('info', 'ready', { chart: url, proxied: gateway.origin });

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    proxy.close();
    server.close(() => log('info', 'stopped'));
    server.closeAllConnections();
  });
