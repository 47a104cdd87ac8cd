import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** What a server speaks after the handshake. */
export type Protocol = 'sluice' | 'plain' | 'nats';

export interface WsTarget {
  readonly port: number;
  readonly path: string;
  readonly protocol: Protocol;
  /** Channels or subjects to subscribe to; none leaves the connection idle. */
  readonly channels?: readonly string[];
}

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Sockets are read one at a time, so one buffer serves them all: five hundred of their own would be work for the collector. */
const shared = Buffer.allocUnsafe(256 * 1024);

/**
 * A WebSocket client (RFC 6455) that counts messages and looks at nothing else: five hundred of them must take less
 * than the server that feeds them. The one with `onText` also collects what it gets.
 */
export class WsClient {
  frames = 0;
  payloadBytes = 0;
  open = true;
  onText: ((text: string) => void) | undefined;
  readonly #socket: Socket;
  readonly #onEnd: (reason: string) => void;
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the current payload that have not come yet. */
  #left = 0;
  #opcode = 0;
  #collected: Buffer[] = [];

  constructor(socket: Socket, onEnd: (reason: string) => void) {
    this.#socket = socket;
    this.#onEnd = onEnd;
  }

  /** Takes what the socket gave; `data` may be reused afterwards. */
  take(data: Buffer): void {
    let at = 0;
    if (this.#left > 0) at = this.#payload(data, 0);
    while (at < data.length) {
      if (this.#head.length > 0) {
        // The header of this frame was cut in two: rare, so it may cost a copy.
        const rest = Buffer.concat([this.#head, data.subarray(at)]);
        this.#head = Buffer.alloc(0);
        return this.take(rest);
      }
      const size = headerSize(data, at);
      if (size === 0) {
        this.#head = Buffer.from(data.subarray(at));
        return;
      }
      this.#opcode = data[at]! & 0x0f;
      this.#left = payloadSize(data, at);
      at = this.#payload(data, at + size);
    }
  }

  send(text: string, opcode: number = opcodes.text): void {
    const payload = Buffer.from(text);
    const mask = randomBytes(4);
    const length =
      payload.length < 126
        ? [0x80 | payload.length]
        : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
    for (let i = 0; i < payload.length; i += 1) payload[i]! ^= mask[i % 4]!;
    this.#socket.write(Buffer.concat([Buffer.from([0x80 | opcode, ...length]), mask, payload]));
  }

  close(): void {
    this.#socket.destroy();
  }

  #payload(data: Buffer, from: number): number {
    const take = Math.min(this.#left, data.length - from);
    this.#left -= take;
    this.payloadBytes += take;
    if (this.onText !== undefined) this.#collected.push(Buffer.from(data.subarray(from, from + take)));
    if (this.#left === 0) this.#finish();
    return from + take;
  }

  #finish(): void {
    if (this.#opcode === opcodes.text || this.#opcode === opcodes.binary) {
      this.frames += 1;
      if (this.onText !== undefined) this.onText(Buffer.concat(this.#collected).toString('utf8'));
    } else if (this.#opcode === opcodes.ping) this.send('', opcodes.pong);
    else if (this.#opcode === opcodes.close) {
      this.open = false;
      this.#onEnd('the server closed a connection');
    }
    this.#collected = [];
  }
}

/** Length of the frame header at `at`, 0 when it is not complete. Servers do not mask. */
function headerSize(data: Buffer, at: number): number {
  if (data.length < at + 2) return 0;
  const length = data[at + 1]! & 0x7f;
  const size = length < 126 ? 2 : length === 126 ? 4 : 10;
  return data.length < at + size ? 0 : size;
}

function payloadSize(data: Buffer, at: number): number {
  const length = data[at + 1]! & 0x7f;
  if (length < 126) return length;
  return length === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
}

/** Connects, shakes hands and subscribes; resolves when the server has confirmed it. */
export function openClient(target: WsTarget, onEnd: (reason: string) => void): Promise<WsClient> {
  return new Promise((resolve, reject) => {
    let settled = false;
    const end = (reason: string): void => {
      if (!settled) reject(new Error(reason));
      else onEnd(reason);
    };
    let received = '';
    let client: WsClient | undefined;
    const socket = connect({
      port: target.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (size, buffer) => {
          const data = Buffer.from((buffer as Buffer).buffer, (buffer as Buffer).byteOffset, size);
          if (client !== undefined) client.take(data);
          else shakeHands(data);
          return true;
        },
      },
    });
    socket.on('error', (error) => end(error.message));
    socket.on('close', () => {
      if (client) client.open = false;
      end('a connection was closed');
    });
    socket.write(
      `GET ${target.path} HTTP/1.1\r\nhost: 127.0.0.1:${target.port}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );

    function shakeHands(data: Buffer): void {
      received += data.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!received.startsWith('HTTP/1.1 101')) return reject(new Error(received.slice(0, 500)));
      client = new WsClient(socket, onEnd);
      subscribe(client, target, () => {
        settled = true;
        client!.onText = undefined;
        resolve(client!);
      });
      const rest = Buffer.from(received.slice(end + 4), 'latin1');
      if (rest.length > 0) client.take(rest);
    }
  });
}

function subscribe(client: WsClient, { protocol, channels = [] }: WsTarget, done: () => void): void {
  if (protocol === 'plain' || channels.length === 0) return done();
  if (protocol === 'sluice') {
    client.onText = (text) => {
      if (text.includes('"ok":true')) done();
      else if (text.includes('"ok":false')) throw new Error(text);
    };
    client.send(JSON.stringify({ id: 1, op: 'subscribe', channels }));
    return undefined;
  }
  client.onText = (text) => {
    if (text.includes('PONG')) done();
  };
  client.send(
    `CONNECT {"verbose":false,"pedantic":false}\r\n${channels.map((subject, n) => `SUB ${subject} ${n + 1}\r\n`).join('')}PING\r\n`,
    opcodes.binary,
  );
  return undefined;
}
