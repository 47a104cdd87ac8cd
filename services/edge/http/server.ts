import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SluiceError } from '@sluice/errors';
import type { Address } from '@sluice/addresses';
import type { HttpConfig } from '../config.ts';
import { Exchange, type Outlet } from '../exchange.ts';
import { runPhases, type Phases } from '../lifecycle.ts';
import type { Live } from '../live-port.ts';
import { streamPath } from '../local-routes.ts';
import type { EdgeMetrics } from '../metrics.ts';
import { canonicalTarget } from '../path/canonical.ts';
import type { Certificate } from '../tls/certificate.ts';
import { ClientAddress } from './client-address.ts';
import { clientError, type ParserError } from './client-error.ts';
import { Connection } from './connection.ts';
import { HttpOutlet, type OutletContext } from './http-outlet.ts';
import { Listener } from './listener.ts';
import { Patience } from './patience.ts';
import { RawOutlet } from './raw-outlet.ts';
import { readFields } from './request-fields.ts';

export interface HttpServerOptions {
  readonly config: HttpConfig;
  readonly phases: Phases;
  readonly live: Pick<Live, 'handleSse' | 'handleUpgrade'>;
  readonly metrics: Pick<EdgeMetrics, 'refused'>;
  /** Absent: plain HTTP. */
  readonly certificate?: Certificate | null;
  /** Milliseconds between looks at slow connections; default 500. */
  readonly tickMs?: number;
}

/** The edge's HTTP/1.1 side: turns what node:http tells into exchanges. It decides nothing; the phases do. */
export class HttpServer {
  readonly #listener: Listener;
  readonly #phases: Phases;
  readonly #metrics: HttpServerOptions['metrics'];
  readonly #context: OutletContext;
  readonly #address: ClientAddress;
  readonly #connections = new Map<Duplex, Connection>();
  #closed: Promise<void> = Promise.resolve();

  constructor(options: HttpServerOptions) {
    const { config, metrics } = options;
    const tickMs = options.tickMs ?? 500;
    this.#phases = options.phases;
    this.#metrics = metrics;
    this.#address = new ClientAddress(config);
    this.#context = {
      patience: new Patience({ graceMs: config.graceMs, leastRate: config.leastRate, tickMs }),
      live: options.live,
      onStalled: () => metrics.refused('stalled'),
      draining: false,
    };
    const http = {
      // The limits proper are checked in `canonicalise`, where an answer can be made; this one bounds what node keeps.
      maxHeaderSize: 2 * (config.headerLimit + config.targetLimit),
      headersTimeout: config.headersTimeoutMs,
      // Bodies are watched by Patience, which knows a slow upload from a stalled one.
      requestTimeout: 0,
      connectionsCheckingInterval: tickMs,
      keepAliveTimeout: config.keepAliveMs,
      // Its own answer to a missing Host is no problem document; `checkFraming` gives one.
      requireHostHeader: false,
      shouldUpgradeCallback: wantsWebSocket,
    };
    this.#listener = new Listener({
      config,
      certificate: options.certificate ?? null,
      http,
      tickMs,
      onConnection: (socket, peer) => this.#onConnection(socket, peer),
      onProxyRefused: () => metrics.refused('proxy_protocol'),
    });
    // The default drops fields beyond the thousandth without a word: what was checked must be what is sent on.
    this.#listener.server.maxHeadersCount = 0;
    this.#listen();
  }

  /** Starts accepting; gives the address that was taken. Rejects when the port is in use. */
  listen(): Promise<string> {
    return this.#listener.listen();
  }

  /** New connections are made with another certificate. */
  renew(certificate: Certificate): void {
    this.#listener.renew(certificate);
  }

  /** Open connections of every kind. */
  get connections(): number {
    return this.#connections.size + this.#listener.entering;
  }

  /** Stops accepting; every answer from now on ends its connection, and idle ones end at once. */
  drain(): void {
    this.#context.draining = true;
    this.#closed = this.#listener.close();
    this.#closeIdle();
  }

  /**
   * After `drain`: waits until clients have taken their answers and finished what they had begun to ask, at most
   * `graceMs`, and then closes what is left.
   */
  async close(graceMs: number): Promise<void> {
    const until = performance.now() + graceMs;
    const timer = setInterval(() => {
      if (performance.now() < until) this.#closeIdle();
      else for (const socket of this.#connections.keys()) socket.destroy();
    }, 20);
    await this.#closed;
    clearInterval(timer);
    this.#listener.server.close();
  }

  #closeIdle(): void {
    for (const [socket, connection] of this.#connections) if (connection.idle) socket.destroy();
  }

  #listen(): void {
    const { server } = this.#listener;
    const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
      this.#onRequest(request, response);
    server.on('drop', () => this.#metrics.refused('connections'));
    server.on('request', onRequest);
    // With listeners of their own these requests come like any other: 100 is sent when the body is wanted.
    server.on('checkContinue', onRequest);
    server.on('checkExpectation', onRequest);
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    server.on('connect', (request, socket) => this.#onConnect(request, socket));
    server.on('clientError', (error: ParserError, socket) => this.#onClientError(error, socket));
  }

  #onConnection(socket: Socket, peer: Address): void {
    const { secure } = this.#listener;
    this.#connections.set(
      socket,
      new Connection(socket, { peer, secure, trusted: this.#address.trusts(peer) }),
    );
    socket.once('close', () => this.#connections.delete(socket));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket) as Connection;
    this.#run(request, connection, new HttpOutlet(request, response, connection, this.#context));
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket) as Connection;
    // A handshake behind requests that still wait: its answer would overtake theirs. No client does that.
    if (connection.inFlight > 0) socket.destroy();
    else this.#run(request, connection, new RawOutlet(socket, this.#context, { request, head }));
  }

  #onConnect(request: IncomingMessage, socket: Duplex): void {
    const error = new SluiceError('method_not_allowed', 'The gateway is not a forward proxy.', {
      headers: { allow: 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT' },
    });
    this.#refuse(socket, error, request);
  }

  #onClientError(error: ParserError, socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (!connection || !socket.writable) {
      // A handshake that failed: plain HTTP, an old version, a scanner. Who leaves in the middle of one is no news.
      if (!connection && error.code !== 'ECONNRESET') this.#metrics.refused('tls');
      socket.destroy();
      return;
    }
    // The parser complains again for everything that arrives after the fault.
    if (connection.failed) return;
    connection.failed = true;
    const { bytesRead } = socket as Socket;
    const problem = clientError(error, bytesRead === error.rawPacket?.length);
    // Nothing was asked (a browser's spare connection), or nobody is left to hear the answer.
    if (!problem || bytesRead === 0) socket.destroy();
    else if (connection.receiving) connection.receiving(problem);
    else if (!connection.closing) connection.afterAnswers(() => this.#refuse(socket, problem));
  }

  /** Answers what never became a request, through the same last phases: it gets its id and its record like all others. */
  #refuse(socket: Duplex, error: SluiceError, request?: IncomingMessage): void {
    const connection = this.#connections.get(socket) as Connection;
    const exchange = new Exchange({
      outlet: new RawOutlet(socket, this.#context),
      method: request?.method ?? '',
      target: '',
      version: '1.1',
      fields: readFields(request?.rawHeaders ?? []),
      client: connection.peer,
      secure: connection.secure,
    });
    exchange.label = 'malformed';
    try {
      // Who is refused by address is told nothing else.
      void this.#phases.entry(exchange);
      exchange.fail(error);
    } catch (refusal) {
      exchange.fail(refusal);
    }
    for (const phase of this.#phases.finish) phase(exchange);
  }

  #run(request: IncomingMessage, connection: Connection, outlet: Outlet): void {
    const fields = readFields(request.rawHeaders);
    runPhases(
      this.#phases,
      new Exchange({
        outlet,
        method: request.method ?? '',
        target: request.url ?? '',
        version: request.httpVersion,
        fields,
        client: this.#address.of(connection, fields),
        secure: this.#address.secure(connection, fields),
      }),
    );
  }
}

/** Only the live stream speaks another protocol; an `Upgrade` anywhere else is ignored (RFC 9110 section 7.8). */
function wantsWebSocket(request: IncomingMessage): boolean {
  if (request.method !== 'GET' || request.headers.upgrade?.toLowerCase() !== 'websocket') return false;
  try {
    return canonicalTarget(request.url ?? '', request.headers.host ?? '').path === streamPath;
  } catch {
    return false;
  }
}
