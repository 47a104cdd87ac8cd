import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SluiceError } from '@sluice/errors';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import type { CreateLive, Live, LiveClient } from '../live-port.ts';
import { carriedHeaders } from './call.ts';
import { jsonCodec, msgpackCodec } from './codec.ts';
import { Heartbeat } from './heartbeat.ts';
import { Hub } from './hub.ts';
import { AddressLimit } from './limits.ts';
import { liveMetrics } from './metrics.ts';
import type { LiveConfig } from './settings.ts';
import { SseConnection } from './sse-connection.ts';
import { parseSseRequest } from './sse-request.ts';
import { WsConnection, type ConnectionContext, type Handshake } from './ws-connection.ts';

type Connection = WsConnection | SseConnection;

/** Subprotocols by what a client offers in `Sec-WebSocket-Protocol`; without one it is JSON. */
const codecs = new Map([
  ['sluice.json', jsonCodec],
  ['sluice.msgpack', msgpackCodec],
]);

/** Options that the types of `ws` do not know yet. */
interface UntypedOptions {
  readonly closeTimeout: number;
  readonly maxBufferedChunks: number;
  readonly maxFragments: number;
}

/** Time a client has to answer a close frame before its connection is cut. */
const closeMs = 5_000;

/** The live side of an edge: `/v1/stream` over WebSocket and as server-sent events. `docs/live.md` is the protocol. */
export const createLive: CreateLive<LiveConfig> = ({ bus, config, logger, registry, call }) => {
  const metrics = liveMetrics(registry);
  const connections = new Set<Connection>();
  const addresses = new AddressLimit(config.liveConnectionsPerAddress);
  const heartbeat = new Heartbeat(config.liveHeartbeatMs);
  const hub = new Hub({
    bus,
    logger,
    metrics,
    replicas: config.natsReplicas,
    history: config.liveHistory,
    maxBytes: config.liveMaxBytes,
    onChange: (event) => {
      logger.warn({ event }, 'live data changed');
      for (const connection of connections) connection.notify(event);
    },
  });
  const context: ConnectionContext = { hub, config, logger, call };
  const serverOptions: ServerOptions & UntypedOptions = {
    noServer: true,
    clientTracking: false,
    // Compression costs a window of memory per connection and more time than all the rest.
    perMessageDeflate: false,
    maxPayload: config.liveMaxMessage,
    closeTimeout: closeMs,
    // A message sent byte by byte must not cost a thousand times its size.
    maxBufferedChunks: 4_096,
    maxFragments: 1_024,
    handleProtocols: (offered) => [...offered].find((name) => codecs.has(name)) ?? false,
  };
  const server = new WebSocketServer(serverOptions);
  // `ws` tells of a bad handshake while it handles it, so throwing here reaches whoever called `handleUpgrade`.
  server.on('wsClientError', (error) => {
    const headers = { 'sec-websocket-version': '13' };
    throw new SluiceError('bad_request', `${error.message}.`, { headers });
  });
  let closing: Promise<void> | undefined;

  /** Every check before a connection is taken. Gives what undoes its counting, for as long as the connection lasts. */
  const admit = (address: string, transport: 'websocket' | 'sse'): (() => void) => {
    if (closing) throw new SluiceError('unavailable', 'This gateway is stopping; connect again.');
    if (!addresses.take(address))
      throw new SluiceError('too_many_requests', 'This address has as many live connections as it may.', {
        retryAfter: 10,
      });
    metrics.connections.inc({ transport });
    metrics.opened.inc({ transport });
    return () => {
      addresses.give(address);
      metrics.connections.dec({ transport });
    };
  };

  const track = (connection: Connection): (() => void) => {
    connections.add(connection);
    const still = heartbeat.add(connection);
    if (hub.degraded) connection.notify('degraded');
    return () => {
      connections.delete(connection);
      still();
    };
  };

  const handleUpgrade = (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    client: LiveClient,
  ): void => {
    // What closures below keep is kept as long as the connection: this, and nothing else of the request.
    const handshake = handshakeOf(client);
    const release = admit(handshake.address, 'websocket');
    // An error before or during the handshake must find a listener, or it would end the process.
    socket.on('error', () => socket.destroy());
    socket.once('close', release);
    server.handleUpgrade(request, socket, head, (ws: WebSocket) => {
      const codec = codecs.get(ws.protocol) ?? jsonCodec;
      const connection = new WsConnection(ws, socket as Socket, codec, context, handshake);
      const untrack = track(connection);
      // `ws` closes with 1002, 1007 or 1009 by itself; what is left to do is done on `close`.
      ws.on('error', () => {});
      ws.once('close', (code) => {
        untrack();
        logger.info(connection.ended(code), 'live connection closed');
      });
    });
  };

  const handleSse = (request: IncomingMessage, response: ServerResponse, client: LiveClient): void => {
    const last = request.headers['last-event-id'];
    const wanted = parseSseRequest(client.query, typeof last === 'string' ? last : undefined);
    const handshake = handshakeOf(client);
    const release = admit(handshake.address, 'sse');
    const connection = new SseConnection(response, wanted, context, handshake);
    const untrack = track(connection);
    response.on('error', () => response.destroy());
    response.once('close', () => {
      release();
      untrack();
      logger.info(connection.ended(), 'live connection closed');
    });
    void connection.start(wanted);
  };

  /** Clients come back over the drain time, each told when, so that the edges that stay are not stormed. */
  const shutDown = async (): Promise<void> => {
    const leaving = [...connections];
    const spread = config.liveDrainMs;
    const slice = Math.max(1, Math.ceil(leaving.length / slices));
    for (let at = 0; at < leaving.length; at += slice) {
      for (const connection of leaving.slice(at, at + slice)) connection.retire(Math.random() * spread);
      await new Promise((resolve) => setTimeout(resolve, spread / slices));
    }
    const deadline = performance.now() + closeMs;
    while (connections.size > 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    for (const connection of connections) connection.terminate();
    heartbeat.stop();
    hub.close();
  };

  const live: Live = {
    handleUpgrade,
    handleSse,
    get connections() {
      return connections.size;
    },
    close: () => (closing ??= shutDown()),
  };
  return live;
};

/** Steps in which connections are closed. */
const slices = 20;

function handshakeOf(client: LiveClient): Handshake {
  return {
    // A made-up id is a rope of a dozen strings; a copy is one, and it is kept as long as the connection.
    requestId: Buffer.from(client.requestId).toString(),
    address: client.address,
    headers: carriedHeaders(client.headers),
  };
}
