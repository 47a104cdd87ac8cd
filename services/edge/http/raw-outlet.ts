import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { SluiceError } from '@sluice/errors';
import type { Exchange, Outlet } from '../exchange.ts';
import type { OutletContext } from './http-outlet.ts';
import { liveClient } from './live-client.ts';

const lingerMs = 2_000;

/**
 * The outlet where node:http offers no response: requests that the parser refused, CONNECT, and WebSocket handshakes.
 * Whatever is sent here ends the connection.
 */
export class RawOutlet implements Outlet {
  readonly #socket: Duplex;
  readonly #context: OutletContext;
  readonly #handshake: { readonly request: IncomingMessage; readonly head: Buffer } | null;

  constructor(
    socket: Duplex,
    context: OutletContext,
    handshake: { readonly request: IncomingMessage; readonly head: Buffer } | null = null,
  ) {
    this.#socket = socket;
    this.#context = context;
    this.#handshake = handshake;
    // Before anything else, and for good: an error without a listener ends the process, even in the moment of handing over.
    socket.on('error', ignore);
  }

  get gone(): boolean {
    return this.#socket.destroyed;
  }

  receive(): never {
    throw new SluiceError('bad_request', 'This request cannot have a body.');
  }

  send(exchange: Exchange): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const { status, headers, reply } = exchange;
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ndate: ${new Date().toUTCString()}\r\n`;
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
    head += 'connection: close\r\n\r\n';
    socket.end(Buffer.concat([Buffer.from(head, 'latin1'), reply]));
    // What the client still sends is read away for a moment, so that it gets to see the answer (RFC 9112 section 9.6).
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }

  abort(): void {
    this.#socket.destroy();
  }

  stream(exchange: Exchange): void | Promise<void> {
    if (!this.#handshake) throw new SluiceError('bad_request', 'This request cannot open a stream.');
    const { request, head } = this.#handshake;
    const handOver = (): void => {
      exchange.handedOver = true;
      exchange.status = 101;
    };
    const taken = this.#context.live.handleUpgrade(request, this.#socket, head, liveClient(exchange));
    return taken ? taken.then(handOver) : handOver();
  }
}

function ignore(): void {}
