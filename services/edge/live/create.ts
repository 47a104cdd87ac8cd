import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SluiceError } from '@sluice/errors';
import { authMethods } from '@sluice/policy';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import type { CreateLive, Live } from '../live-port.ts';
import { Appointments } from './appointments.ts';
import { jsonCodec, msgpackCodec } from './codec.ts';
import type { ConnectionContext } from './connection-context.ts';
import { entrance, type Arrival, type Entry } from './entrance.ts';
import { handshakeOf, type Handshake } from './handshake.ts';
import { Heartbeat } from './heartbeat.ts';
import { Hub } from './hub.ts';
import { ConnectionCount } from './limits.ts';
import { liveMetrics } from './metrics.ts';
import { takeQueryToken } from './query-token.ts';
import { liveRules } from './rules.ts';
import type { LiveConfig } from './settings.ts';
import { SseConnection } from './sse-connection.ts';
import { parseSseRequest, type SseRequest } from './sse-request.ts';
import { Sweep } from './sweep.ts';
import { WsConnection } from './ws-connection.ts';

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
export const createLive: CreateLive<LiveConfig> = (options) => {
  const { bus, config, logger, registry, call, authenticator, documents, addresses } = options;
  const metrics = liveMetrics(registry);
  const connections = new Set<Connection>();
  let current = liveRules(documents.current, config);
  const rules = () => current;
  const sweep = new Sweep(connections);
  // The sweep begins in a later turn, when everybody else who follows the document has taken it over too.
  const unfollow = [
    documents.onChange((document) => {
      current = liveRules(document, config);
      sweep.begin();
    }),
    // Lists of addresses take their time, so they come into force later than the document.
    addresses.onChange(() => sweep.begin()),
  ];
  const appointments = new Appointments();
  const enter = entrance({
    authenticator,
    rules,
    appointments,
    consumers: new ConnectionCount(),
    warnMs: config.liveWarnMs,
  });
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
  const context: ConnectionContext = {
    hub,
    config,
    logger,
    call,
    rules,
    addressAllowed: (address) => addresses.addressAllowed(address),
    recheckSoon: (connection) => sweep.add(connection),
    challenge: () => authenticator.challenge(authMethods),
  };
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
  // As every other answer, the 101 says which request it is of; `ws` has no place for it in `handleUpgrade`.
  const requestIds = new WeakMap<IncomingMessage, string>();
  server.on('headers', (headers, request) => {
    headers.push(`x-request-id: ${requestIds.get(request) as string}`);
  });
  let closing: Promise<void> | undefined;

  /** Every check before a connection is taken. `take` runs in the same turn as the last of them. */
  const admit = (arrival: Arrival, socket: Duplex, take: (entry: Entry) => void): void | Promise<void> => {
    if (closing) throw stopping();
    const entered = enter(arrival);
    if (!(entered instanceof Promise)) return take(entered);
    return entered.then((entry) => {
      if (!closing && !socket.destroyed) return take(entry);
      entry.release();
      throw stopping();
    });
  };

  /** Counts a connection until its socket or response is closed. */
  const count = (transport: Arrival['transport'], entry: Entry, until: Duplex | ServerResponse): void => {
    metrics.connections.inc({ transport });
    metrics.opened.inc({ transport });
    until.once('close', () => {
      entry.release();
      metrics.connections.dec({ transport });
    });
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

  // What closures in the next two keep is kept as long as the connection: none of them holds the request.
  const openSocket = (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    handshake: Handshake,
    entry: Entry,
  ): void => {
    // An error before or during the handshake must find a listener, or it would end the process.
    socket.on('error', () => socket.destroy());
    count('websocket', entry, socket);
    requestIds.set(request, handshake.requestId);
    server.handleUpgrade(request, socket, head, (ws: WebSocket) => {
      const codec = codecs.get(ws.protocol) ?? jsonCodec;
      const connection = new WsConnection(ws, socket as Socket, codec, context, handshake, entry.access);
      const untrack = track(connection);
      // `ws` closes with 1002, 1007 or 1009 by itself; what is left to do is done on `close`.
      ws.on('error', () => {});
      ws.once('close', (code) => {
        untrack();
        logger.info(connection.record(code), 'live connection closed');
      });
    });
  };

  const openStream = (
    response: ServerResponse,
    wanted: SseRequest,
    handshake: Handshake,
    entry: Entry,
  ): void => {
    count('sse', entry, response);
    const connection = new SseConnection(response, wanted, context, handshake, entry.access);
    const untrack = track(connection);
    response.on('error', () => response.destroy());
    response.once('close', () => {
      untrack();
      logger.info(connection.record(), 'live connection closed');
    });
    void connection.start(wanted);
  };

  const handleUpgrade: Live['handleUpgrade'] = (request, socket, head, client) => {
    const handshake = handshakeOf(client);
    const queryToken = takeQueryToken(client.query, current.queryToken).token;
    return admit({ client, transport: 'websocket', queryToken }, socket, (entry) =>
      openSocket(request, socket, head, handshake, entry),
    );
  };

  const handleSse: Live['handleSse'] = (request, response, client) => {
    const last = request.headers['last-event-id'];
    const { query, token: queryToken } = takeQueryToken(client.query, current.queryToken);
    const wanted = parseSseRequest(query, typeof last === 'string' ? last : undefined);
    const handshake = handshakeOf(client);
    return admit({ client, transport: 'sse', queryToken }, request.socket, (entry) =>
      openStream(response, wanted, handshake, entry),
    );
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
    for (const stop of unfollow) stop();
    appointments.stop();
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
    closeWithinMs: config.liveDrainMs + closeMs,
  };
  return live;
};

/** Steps in which connections are closed. */
const slices = 20;

function stopping(): SluiceError {
  return new SluiceError('unavailable', 'This gateway is stopping; connect again.');
}
