import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Nothing to report means ready; otherwise each entry says in a few words what is missing. */
export type Readiness = () => readonly string[];

export interface OpsServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `/health/live` (200 while the event loop turns), `/health/ready` (200, or 503 with the reasons) and `/metrics`
 * (Prometheus text) on a port of their own, so that they are never exposed with the service.
 */
export async function startOpsServer(options: {
  host: string;
  port: number;
  registry: Registry;
  ready: Readiness;
}): Promise<OpsServer> {
  const server = createServer((request, response) => {
    const send = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const json = (status: number, value: unknown): void =>
      send(status, 'application/json', JSON.stringify(value));
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return json(405, { status: 'method not allowed' });
    // Prometheus adds `params` to what it scrapes, and some probes a query against caches: neither changes the answer.
    switch (request.url?.split('?', 1)[0]) {
      case '/health/live':
        return json(200, { status: 'live' });
      case '/health/ready': {
        const missing = options.ready();
        return missing.length === 0
          ? json(200, { status: 'ready' })
          : json(503, { status: 'not ready', missing });
      }
      case '/metrics':
        options.registry.metrics().then(
          (text) => send(200, options.registry.contentType, text),
          (error: unknown) => json(500, { status: 'metrics failed', error: String(error) }),
        );
        return undefined;
      default:
        return json(404, { status: 'not found' });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
