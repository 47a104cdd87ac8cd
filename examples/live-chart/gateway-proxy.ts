import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Fields, GatewayAddress } from './gateway-address.ts';

/** Fields of one connection, not of the message (RFC 9110 section 7.6.1). */
const hopByHop = /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/;

const noAnswer = JSON.stringify({
  title: 'Bad Gateway',
  status: 502,
  detail: 'The gateway does not answer.',
});

/**
 * Passes the gateway's API on under the page's own origin, so that the page needs no permission to talk to another one.
 * Reading only: what a page that somebody else wrote can make a browser send here changes nothing there.
 */
export class GatewayProxy {
  readonly #gateway: GatewayAddress;
  readonly #onUnreachable: (reason: string) => void;
  readonly #open = new Set<Duplex>();
  #reason = '';

  /** `onUnreachable` is told why the gateway cannot be reached, once until it can be, or until the reason is another. */
  constructor(gateway: GatewayAddress, onUnreachable: (reason: string) => void) {
    this.#gateway = gateway;
    this.#onUnreachable = onUnreachable;
  }

  /** A plain request. */
  pass(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    const upstream = this.#ask(request);
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer));
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    upstream.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502, { 'content-type': 'application/problem+json' }).end(noAnswer);
    });
    response.on('close', () => upstream.destroy());
    upstream.end();
  }

  /** A WebSocket handshake: the gateway's answer and everything after it go through as they are. */
  upgrade(request: IncomingMessage, near: Duplex, early: Buffer): void {
    near.on('error', () => near.destroy());
    if (request.url?.startsWith('/v1/') !== true) return void near.destroy();
    this.#open.add(near);
    near.on('close', () => this.#open.delete(near));
    const upstream = this.#ask(request, {
      connection: 'Upgrade',
      upgrade: request.headers.upgrade ?? '',
    });
    near.on('close', () => upstream.destroy());
    upstream.on('upgrade', (answer, far, first) => {
      this.#reason = '';
      far.on('error', () => far.destroy());
      far.on('close', () => near.destroy());
      near.on('close', () => far.destroy());
      near.write(headOf(answer));
      near.write(first);
      far.write(early);
      far.pipe(near);
      near.pipe(far);
    });
    upstream.on('response', (answer) => {
      near.write(headOf(answer));
      answer.pipe(near);
    });
    upstream.on('error', () => near.destroy());
    upstream.end();
  }

  /** Ends every WebSocket. */
  close(): void {
    for (const near of this.#open) near.destroy();
  }

  #ask(request: IncomingMessage, handshake: Fields = {}): ClientRequest {
    const { method = 'GET', url = '/' } = request;
    const headers: Fields = { ...endToEnd(request), ...this.#ownOrigin(request), ...handshake };
    const upstream = this.#gateway.request({ method, path: url, headers });
    upstream.on('response', () => void (this.#reason = ''));
    upstream.on('error', ({ message }) => {
      // Given up by the browser, and nothing that is wrong with the gateway.
      if (request.socket.destroyed) return;
      if (message !== this.#reason) this.#onUnreachable((this.#reason = message));
    });
    return upstream;
  }

  /**
   * The gateway takes pages of its own origin for its own, and those come from here. Only a page of this server: another
   * site that makes a browser open a WebSocket here (nothing forbids it that) keeps its own name.
   */
  #ownOrigin({ headers: { origin = '', host } }: IncomingMessage): Fields {
    return URL.canParse(origin) && new URL(origin).host === host ? { origin: this.#gateway.origin } : {};
  }
}

function endToEnd(message: IncomingMessage): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(message.headers))
    if (value !== undefined && !hopByHop.test(name)) fields[name] = value;
  return fields;
}

/** Status line and fields, as they came; a refused handshake ends with the connection. */
function headOf(answer: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i] as string;
    if (answer.statusCode === 101 || !hopByHop.test(name.toLowerCase()))
      lines.push(`${name}: ${answer.rawHeaders[i + 1]}`);
  }
  if (answer.statusCode !== 101) lines.push('connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}
