import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Exchange, Outlet } from '../exchange.ts';
import type { Live } from '../live-port.ts';
import { readBody } from './body.ts';
import type { Connection } from './connection.ts';
import { liveClient } from './live-client.ts';
import type { Patience, Transfer } from './patience.ts';
import type { RequestFields } from './request-fields.ts';

/** What every outlet of a server shares. */
export interface OutletContext {
  readonly patience: Patience;
  readonly live: Pick<Live, 'handleSse' | 'handleUpgrade'>;
  /** A client was cut off because it did not take its answer. */
  readonly onStalled: () => void;
  /** True once the process stops: every answer then ends its connection. */
  draining: boolean;
}

/** A refused body up to this size is read to its end, so that the connection can be used again. */
const smallBody = 64 * 1024;
/** How much and how long a client that was refused may go on sending, so that it gets to see the answer. */
const lingerBytes = 8 * 1024 * 1024;
const lingerMs = 2_000;

/** The ordinary outlet: a request and a response of node:http. */
export class HttpOutlet implements Outlet {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connection: Connection;
  readonly #context: OutletContext;

  constructor(
    incoming: IncomingMessage,
    response: ServerResponse,
    connection: Connection,
    context: OutletContext,
  ) {
    this.#incoming = incoming;
    this.#response = response;
    this.#connection = connection;
    this.#context = context;
    connection.began(response);
  }

  get gone(): boolean {
    return this.#incoming.socket.destroyed;
  }

  receive(limit: number, fields: RequestFields): Promise<Uint8Array> {
    if (fields.expect !== null) this.#response.writeContinue();
    const { patience } = this.#context;
    return readBody(this.#incoming, { limit, patience, connection: this.#connection });
  }

  send(exchange: Exchange): void {
    const response = this.#response;
    if (this.gone) {
      this.#connection.ended();
      return;
    }
    const { status, headers, reply, fields } = exchange;
    const hasBody = fields.contentLength > 0 || fields.transferEncoding !== null;
    const unread = hasBody && !this.#incoming.complete;
    const close = this.#context.draining || mustClose(exchange, unread);
    // Every answer's own list: nobody else holds it.
    if (close) this.#connection.closing = true;
    if (close) (headers as string[]).push('connection', 'close');
    // An unknown status has no reason phrase (RFC 9112 section 4); node would invent one.
    response.writeHead(status, STATUS_CODES[status] ?? '', headers as string[]);
    // When the parser has given up, nothing more will come that could be waited for.
    if (unread && close && !this.#connection.failed) this.#linger(reply);
    else {
      response.end(reply);
      if (unread && !close) this.#watchRest();
      // `writableFinished` tells only in the next turn; what waits to be written is known now.
      if (response.writableLength > 0) this.#watchReader(reply.length);
    }
    this.#connection.ended();
  }

  abort(): void {
    this.#connection.ended();
    this.#incoming.socket.destroy();
  }

  stream(exchange: Exchange): void | Promise<void> {
    const { answerHeaders } = exchange;
    for (let i = 0; i < answerHeaders.length; i += 2)
      this.#response.appendHeader(answerHeaders[i] as string, answerHeaders[i + 1] as string);
    const taken = this.#context.live.handleSse(this.#incoming, this.#response, liveClient(exchange));
    return taken ? taken.then(() => this.#handOver(exchange)) : this.#handOver(exchange);
  }

  #handOver(exchange: Exchange): void {
    exchange.handedOver = true;
    exchange.closed = new Promise((resolve) => {
      this.#response.once('close', () => {
        exchange.status = this.#response.statusCode;
        this.#connection.ended();
        resolve();
      });
    });
  }

  /**
   * Sends the answer at once, but ends it only when the client has stopped sending: closing a socket with unread bytes
   * resets it, and the client may then lose the answer (RFC 9112 section 9.6).
   */
  #linger(reply: Uint8Array): void {
    const incoming = this.#incoming;
    const response = this.#response;
    if (reply.length > 0) response.write(reply);
    else response.flushHeaders();
    let left = lingerBytes;
    const timer = setTimeout(() => finish(), lingerMs);
    const finish = (): void => {
      clearTimeout(timer);
      this.#connection.receiving = null;
      incoming.off('data', onData).off('end', finish).off('close', finish);
      response.end();
      this.#watchReader(0);
    };
    const onData = (chunk: Uint8Array): void => {
      left -= chunk.length;
      if (left < 0) finish();
    };
    incoming.on('data', onData).once('end', finish).once('close', finish);
    // A fault in what is thrown away needs no second answer.
    this.#connection.receiving = finish;
    incoming.resume();
  }

  /** A small body that nobody wants is read away by node:http; it may not take for ever. */
  #watchRest(): void {
    const incoming = this.#incoming;
    const { patience } = this.#context;
    const rest: Transfer = {
      startedAt: performance.now(),
      bytes: 0,
      expire: () => incoming.socket.destroy(),
    };
    patience.begin(rest);
    incoming.once('close', () => patience.end(rest));
  }

  /** A client that does not take its answer holds its memory here: it has patience's time, and is then cut off. */
  #watchReader(bytes: number): void {
    const response = this.#response;
    const { patience, onStalled } = this.#context;
    const { socket } = this.#incoming;
    const reading: Transfer = {
      startedAt: performance.now(),
      bytes,
      expire: () => {
        // Without a socket the answer still waits for those before it on its connection: not the client's fault.
        if (socket.destroyed) return;
        if (response.socket === null) {
          reading.startedAt = performance.now();
          patience.begin(reading);
          return;
        }
        onStalled();
        socket.destroy();
      },
    };
    patience.begin(reading);
    response.once('close', () => patience.end(reading));
  }
}

/** After doubtful framing, and in the middle of a body too long to read away, the next request cannot be told. */
function mustClose(exchange: Exchange, unread: boolean): boolean {
  const code = exchange.error?.code;
  if (code === 'bad_request') return true;
  if (!unread) return false;
  const { contentLength, expect } = exchange.fields;
  return code === 'request_timeout' || expect !== null || contentLength < 0 || contentLength > smallBody;
}
