import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SluiceError } from '@sluice/errors';
import { connectBus, type Bus } from '@sluice/nats';
import { gatewaySchema, type GatewayInput } from '@sluice/policy';
import { Registry } from '@sluice/telemetry';
import { pino } from 'pino';
import type { GatewayCaller, Live, LiveClient } from '../../live-port.ts';
import { createLive } from '../create.ts';
import type { LiveConfig } from '../settings.ts';
import { TestAuthenticator } from './authenticator.ts';

/**
 * The live side of an edge behind a bare HTTP server. The user agent of a client stands for its address. Without a
 * document of its own everybody may read everything.
 */
export interface LiveEdge {
  readonly url: string;
  readonly port: number;
  readonly bus: Bus;
  readonly live: Live;
  readonly registry: Registry;
  readonly authenticator: TestAuthenticator;
  /** Lines of the log. */
  readonly logs: string[];
  /** Puts another document into force. */
  apply(document: GatewayInput): void;
  /** Addresses that may not be connected, from now on. */
  refuse(...addresses: string[]): void;
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
  liveWarnMs: 30_000,
  liveDrainMs: 100,
};

const everything: GatewayInput = { channels: [{ match: '>', auth: 'public' }] };

export async function startLiveEdge(
  natsUrl: string,
  config: Partial<LiveConfig> = {},
  call: GatewayCaller = () => Promise.resolve({ status: 404, headers: [], body: new Uint8Array(0) }),
  document: GatewayInput = everything,
): Promise<LiveEdge> {
  const bus = await connectBus({ servers: [natsUrl], name: 'live edge under test' });
  const registry = new Registry();
  const logs: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line) => void logs.push(line) });
  const documentListeners = new Set<
    (document: ReturnType<typeof gatewaySchema.parse>, revision: number) => void
  >();
  const addressListeners = new Set<() => void>();
  let current = gatewaySchema.parse(document);
  let refused: readonly string[] = [];
  const authenticator = new TestAuthenticator();
  const live = createLive({
    bus,
    config: { ...defaults, ...config },
    logger,
    registry,
    call,
    authenticator,
    documents: {
      get current() {
        return current;
      },
      onChange: (listener) => {
        documentListeners.add(listener);
        return () => documentListeners.delete(listener);
      },
    },
    addresses: {
      addressAllowed: (address) => !refused.includes(address),
      onChange: (listener) => {
        addressListeners.add(listener);
        return () => addressListeners.delete(listener);
      },
    },
  });
  const clientOf = (query: string, headers: IncomingHttpHeaders): LiveClient => ({
    requestId: text(headers['x-request-id']) ?? 'test',
    address: headers['user-agent'] ?? '127.0.0.1',
    query,
    credentials: {
      authorization: headers.authorization ?? null,
      apiKey: text(headers['x-api-key']),
      cookie: headers.cookie ?? null,
      queryToken: null,
      method: 'GET',
      origin: headers.origin ?? null,
      secFetchSite: text(headers['sec-fetch-site']),
    },
    headers: Object.entries(headers).flatMap(([name, value]) => [name, String(value)]),
  });
  const queryOf = (url: string | undefined): string => url?.split('?')[1] ?? '';
  const server = createServer((request, response) => {
    const refuse = (error: unknown): void => {
      const { status, detail } = error as SluiceError;
      response.writeHead(status).end(detail);
    };
    attempt(() => live.handleSse(request, response, clientOf(queryOf(request.url), request.headers)), refuse);
  });
  server.on('upgrade', (request, socket, head) => {
    const refuse = (error: unknown): void =>
      void socket.end(`HTTP/1.1 ${(error as SluiceError).status} Refused\r\nConnection: close\r\n\r\n`);
    const client = clientOf(queryOf(request.url), request.headers);
    attempt(() => live.handleUpgrade(request, socket, head, client), refuse);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/stream`,
    port,
    bus,
    live,
    registry,
    authenticator,
    logs,
    apply: (input) => {
      current = gatewaySchema.parse(input);
      for (const listener of documentListeners) listener(current, 1);
    },
    refuse: (...addresses) => {
      refused = addresses;
      for (const listener of addressListeners) listener();
    },
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

function text(value: string | string[] | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** Refusals come at once or, where credentials had to be looked up, later. */
function attempt(work: () => void | Promise<void>, refuse: (error: unknown) => void): void {
  try {
    const pending = work();
    if (pending) void pending.catch(refuse);
  } catch (error) {
    refuse(error);
  }
}
