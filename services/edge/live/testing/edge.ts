import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SluiceError } from '@sluice/errors';
import { connectBus, type Bus } from '@sluice/nats';
import { Registry } from '@sluice/telemetry';
import { pino } from 'pino';
import type { GatewayCaller, Live } from '../../live-port.ts';
import { createLive } from '../create.ts';
import type { LiveConfig } from '../settings.ts';

/** The live side of an edge behind a bare HTTP server. The user agent of a client stands for its address. */
export interface LiveEdge {
  readonly url: string;
  readonly port: number;
  readonly bus: Bus;
  readonly live: Live;
  readonly registry: Registry;
  /** Value of a metric without labels, or the sum over its labels. */
  metric(name: string): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

const defaults: LiveConfig = {
  natsReplicas: 1,
  liveHistory: 1_000,
  liveMaxBytes: 64 * 1024 * 1024,
  liveBudget: 1024 * 1024,
  liveMaxMessage: 64 * 1024,
  liveChannels: 256,
  liveConnectionsPerAddress: 10_000,
  liveMessageRate: 1_000,
  liveCallsInFlight: 16,
  liveHeartbeatMs: 25_000,
  liveDrainMs: 100,
};

export async function startLiveEdge(
  natsUrl: string,
  config: Partial<LiveConfig> = {},
  call: GatewayCaller = () => Promise.resolve({ status: 404, headers: [], body: new Uint8Array(0) }),
): Promise<LiveEdge> {
  const bus = await connectBus({ servers: [natsUrl], name: 'live edge under test' });
  const registry = new Registry();
  const logger = pino({ level: 'silent' });
  const live = createLive({ bus, config: { ...defaults, ...config }, logger, registry, call });
  const clientOf = (query: string, headers: IncomingHttpHeaders) => ({
    requestId: 'test',
    address: headers['user-agent'] ?? '127.0.0.1',
    query,
    headers: Object.entries(headers).flatMap(([name, value]) => [name, String(value)]),
  });
  const queryOf = (url: string | undefined): string => url?.split('?')[1] ?? '';
  const server = createServer((request, response) => {
    try {
      live.handleSse(request, response, clientOf(queryOf(request.url), request.headers));
    } catch (error) {
      const { status, detail } = error as SluiceError;
      response.writeHead(status).end(detail);
    }
  });
  server.on('upgrade', (request, socket, head) => {
    try {
      live.handleUpgrade(request, socket, head, clientOf(queryOf(request.url), request.headers));
    } catch (error) {
      socket.end(`HTTP/1.1 ${(error as SluiceError).status} Refused\r\nConnection: close\r\n\r\n`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/stream`,
    port,
    bus,
    live,
    registry,
    metric: async (name) => {
      const metric = await registry.getSingleMetric(name)?.get();
      return (metric?.values ?? []).reduce((sum, { value }) => sum + value, 0);
    },
    [Symbol.asyncDispose]: async () => {
      await live.close('test over');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await bus.close(1_000);
    },
  };
}
