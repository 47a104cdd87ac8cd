import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net';
import { addressOf, type Address } from '@sluice/addresses';
import type { HttpConfig } from '../config.ts';
import { secureContextOf, type Certificate } from '../tls/certificate.ts';
import { addressList } from './client-address.ts';
import { ProxyProtocol } from './proxy-protocol.ts';

export interface ListenerOptions {
  readonly config: HttpConfig;
  /** Null: plain HTTP. */
  readonly certificate: Certificate | null;
  readonly http: ServerOptions;
  readonly tickMs: number;
  /** A connection has come as far as HTTP. Called before anything of it is parsed. */
  readonly onConnection: (socket: Socket, peer: Address) => void;
  readonly onProxyRefused: () => void;
}

/**
 * What a port is made of: TCP, then the PROXY header where peers send one, then TLS where there is a certificate, then
 * node:http. It knows where connections come from, and those that have not come as far as HTTP yet.
 */
export class Listener {
  readonly server: Server;
  readonly #options: ListenerOptions;
  readonly #secure: SecureServer | null;
  /** Connections before HTTP: waiting for a PROXY header, or in a TLS handshake. */
  readonly #entering = new Set<Socket>();
  /** Those in a handshake, with where they come from. Their TLS socket does not tell which one it was made of, but has the same peer. */
  readonly #shaking = new Map<string, { readonly raw: Socket; readonly source: Address }>();

  constructor(options: ListenerOptions) {
    const { config, certificate, http, tickMs } = options;
    this.#options = options;
    this.#secure =
      certificate === null
        ? null
        : createSecureServer({
            ...http,
            ...secureContextOf(certificate, config.tlsMinVersion),
            ALPNProtocols: ['http/1.1'],
            handshakeTimeout: config.headersTimeoutMs,
          });
    this.server = this.#secure ?? createServer(http);
    this.server.maxConnections = config.maxConnections;
    const peers = addressList('PROXY protocol peer', config.proxyProtocol);
    const proxy =
      peers.size === 0
        ? null
        : new ProxyProtocol({
            peers,
            timeoutMs: config.headersTimeoutMs,
            tickMs,
            onRefused: options.onProxyRefused,
          });
    this.#enter(proxy);
  }

  /** Starts accepting; gives the address that was taken. Rejects when the port is in use. */
  async listen(): Promise<string> {
    const { httpHost, httpPort } = this.#options.config;
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(httpPort, httpHost, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
    const { port } = this.server.address() as AddressInfo;
    const scheme = this.#secure === null ? 'http' : 'https';
    return `${scheme}://${httpHost.includes(':') ? `[${httpHost}]` : httpHost}:${port}`;
  }

  get secure(): boolean {
    return this.#secure !== null;
  }

  /** Connections that have not come as far as HTTP. */
  get entering(): number {
    return this.#entering.size;
  }

  /** New connections get this certificate; those that are open keep theirs. */
  renew(certificate: Certificate): void {
    this.#secure?.setSecureContext(secureContextOf(certificate, this.#options.config.tlsMinVersion));
  }

  /**
   * Stops accepting, and ends what has not asked for anything yet; resolves when every connection is closed. (The `close` of
   * node:http also destroys connections whose answer is not completely written.)
   */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) =>
      NetServer.prototype.close.call(this.server, () => resolve()),
    );
    for (const socket of this.#entering) socket.destroy();
    return closed;
  }

  /** Puts the PROXY header and our book-keeping before what node does with a new connection. */
  #enter(proxy: ProxyProtocol | null): void {
    const { server } = this;
    const serve = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.#entering.add(socket);
      socket.once('close', () => this.#entering.delete(socket));
      if (proxy === null) this.#serve(socket, addressOf(socket.remoteAddress), serve);
      else proxy.accept(socket, (source) => this.#serve(socket, source, serve));
    });
    // Before node:http, so that whoever serves the first request knows the connection.
    this.#secure?.prependListener('secureConnection', (socket) => {
      const peer = peerOf(socket);
      const shaken = this.#shaking.get(peer);
      this.#shaking.delete(peer);
      // Gone in the moment in which the handshake was done.
      if (!shaken) socket.destroy();
      else this.#arrive(socket, shaken.raw, shaken.source);
    });
  }

  #serve(socket: Socket, source: Address, serve: readonly ((socket: Socket) => void)[]): void {
    if (this.#secure === null) {
      this.#arrive(socket, socket, source);
    } else {
      const peer = peerOf(socket);
      const shaking = { raw: socket, source };
      this.#shaking.set(peer, shaking);
      socket.once('close', () => {
        if (this.#shaking.get(peer) === shaking) this.#shaking.delete(peer);
      });
    }
    for (const listener of serve) listener.call(this.server, socket);
  }

  #arrive(socket: Socket, raw: Socket, source: Address): void {
    this.#entering.delete(raw);
    this.#options.onConnection(socket, source);
  }
}

/** Tells open connections to one port apart. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
