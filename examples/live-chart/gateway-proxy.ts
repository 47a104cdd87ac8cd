import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';

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
  readonly #gateway: URL;
  readonly #open = new Set<Duplex>();

  constructor(gateway: URL) {
    this.#gateway = gateway;
  }

  /** A plain request. */
  pass(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    const upstream = this.#ask(request, endToEnd(request));
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
      ...endToEnd(request),
      connection: 'Upgrade',
      upgrade: request.headers.upgrade ?? '',
    });
    near.on('close', () => upstream.destroy());
    upstream.on('upgrade', (answer, far, first) => {
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

  #ask(request: IncomingMessage, headers: Record<string, string | string[]>) {
    const { protocol, hostname, port } = this.#gateway;
    const send = protocol === 'https:' ? httpsRequest : httpRequest;
    return send({ protocol, hostname, port, method: request.method, path: request.url, headers });
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
