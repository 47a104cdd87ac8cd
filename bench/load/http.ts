import { connect, type Socket } from 'node:net';
import { serveDriver } from '../harness/driver.ts';
import { percentile } from '../harness/stats.ts';

export interface HttpRequest {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpLoad {
  readonly port: number;
  /** Sent in turn, whichever connection is free. */
  readonly requests: readonly HttpRequest[];
  readonly connections: number;
  /** The body every answer must have; absent: any body with status 200. */
  readonly body?: string;
}

export interface HttpResult {
  readonly requests: number;
  /** Answers with another status or body. */
  readonly wrong: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const headEnd = Buffer.from('\r\n\r\n');
const good = Buffer.from('HTTP/1.1 200');
const lastChunk = Buffer.from('0\r\n\r\n');

type OnAnswer = (client: Client, ok: boolean, millis: number) => void;

/**
 * Closed loop on kept-alive connections, one request in flight on each: as cheap as a client in Node gets, so that it
 * leaves the machine to what is measured. Every answer's status and body are checked.
 */
class Client {
  readonly #socket: Socket;
  readonly #next: () => Buffer;
  readonly #body: Buffer | undefined;
  readonly #onAnswer: OnAnswer;
  #partial: Buffer | undefined;
  #sent = 0;

  constructor(socket: Socket, next: () => Buffer, body: Buffer | undefined, onAnswer: OnAnswer) {
    this.#socket = socket;
    this.#next = next;
    this.#body = body;
    this.#onAnswer = onAnswer;
    socket.on('data', (data: Buffer) => this.#onData(data));
  }

  send(): void {
    this.#sent = performance.now();
    this.#socket.write(this.#next());
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(data: Buffer): void {
    const answer = this.#partial === undefined ? data : Buffer.concat([this.#partial, data]);
    const bodyStart = completeBody(answer);
    if (bodyStart < 0) {
      this.#partial = answer;
      return;
    }
    this.#partial = undefined;
    const isGood =
      startsWith(answer, good) && (this.#body === undefined || answer.indexOf(this.#body, bodyStart) >= 0);
    this.#onAnswer(this, isGood, performance.now() - this.#sent);
  }
}

function startsWith(data: Buffer, head: Buffer): boolean {
  return data.compare(head, 0, head.length, 0, head.length) === 0;
}

/** Where the body starts when the answer is whole, otherwise -1. */
function completeBody(answer: Buffer): number {
  const end = answer.indexOf(headEnd);
  if (end < 0) return -1;
  const start = end + headEnd.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.toString('latin1', 0, end));
  if (length) return answer.length >= start + Number(length[1]) ? start : -1;
  return answer.subarray(-lastChunk.length).equals(lastChunk) ? start : -1;
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

let clients: Client[] = [];

/** Opens the connections; `run` then sends on them. */
async function connectAll(load: HttpLoad): Promise<void> {
  const requests = load.requests.map((request) => requestBytes(load.port, request));
  let at = 0;
  const next = (): Buffer => {
    if (at === requests.length) at = 0;
    return requests[at++] as Buffer;
  };
  const body = load.body === undefined ? undefined : Buffer.from(load.body);
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(load.port)));
  clients = sockets.map(
    (socket) => new Client(socket, next, body, (client, ok, millis) => onAnswer(client, ok, millis)),
  );
  for (const socket of sockets) socket.once('close', () => onClose());
}

function requestBytes(port: number, { path, headers = {} }: HttpRequest): Buffer {
  const fields = Object.entries({ host: `127.0.0.1:${port}`, accept: '*/*', ...headers });
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines}\r\n`);
}

let onAnswer: OnAnswer = () => {};
let onClose: () => void = () => {};

function run(seconds: number): Promise<HttpResult> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const until = started + seconds * 1000;
    const latencies: number[] = [];
    let wrong = 0;
    let running = clients.length;
    onClose = () => reject(new Error(`a connection was closed after ${latencies.length} answers`));
    onAnswer = (client, ok, millis) => {
      latencies.push(millis);
      if (!ok) wrong += 1;
      if (performance.now() < until) return client.send();
      if (--running > 0) return undefined;
      onClose = () => {};
      for (const open of clients) open.close();
      resolve({
        requests: latencies.length,
        wrong,
        seconds: (performance.now() - started) / 1000,
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
      });
      return undefined;
    };
    for (const client of clients) client.send();
  });
}

const commands = { connect: connectAll, run };
export type HttpDriver = typeof commands;
serveDriver(commands);
