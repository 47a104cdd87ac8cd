import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An answer as it came over the wire. Header names in lower case, repeated fields kept apart. */
export interface RawResponse {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  header(name: string): string | undefined;
  json(): Record<string, unknown>;
}

/** A client that sends exactly the bytes it is told, for everything that decent clients cannot be made to send. */
export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  static async open(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Text is sent as Latin-1, so that `\xff` is one byte. */
  send(data: string | Uint8Array): void {
    if (!this.socket.destroyed)
      this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** The next response; `head`: it answers HEAD and has no body. Rejects when the connection ends before it is complete. */
  async response(options: { head?: boolean } = {}): Promise<RawResponse> {
    const end = await this.#find('\r\n\r\n');
    const lines = this.#received.subarray(0, end).toString('latin1').split('\r\n');
    this.#received = this.#received.subarray(end + 4);
    const [version = '', status = '', ...reason] = (lines[0] ?? '').split(' ');
    const headers = lines.slice(1).map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const header = (name: string): string | undefined => headers.find(([known]) => known === name)?.[1];
    const code = Number(status);
    const bodyless = options.head === true || code < 200 || code === 204 || code === 304;
    const length = bodyless ? 0 : Number(header('content-length') ?? 0);
    await this.#until(() => this.#received.length >= length);
    const body = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return {
      version,
      status: code,
      reason: reason.join(' '),
      headers,
      body,
      header,
      json: () => JSON.parse(body.toString('utf8')) as Record<string, unknown>,
    };
  }

  /** Resolves when the server has ended the connection, with whatever else it had sent. */
  async ended(): Promise<Buffer> {
    await this.#until(() => this.#ended, true);
    return this.#received;
  }

  close(): void {
    this.socket.destroy();
  }

  async #find(mark: string): Promise<number> {
    await this.#until(() => this.#received.includes(mark));
    return this.#received.indexOf(mark);
  }

  async #until(condition: () => boolean, endIsFine = false): Promise<void> {
    while (!condition()) {
      if (this.#ended && !endIsFine)
        throw new Error(
          `connection ended after ${JSON.stringify(this.#received.toString('latin1').slice(0, 500))}`,
        );
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** Sends one request on a connection of its own and gives the answer. */
export async function rawRequest(url: string, bytes: string | Uint8Array): Promise<RawResponse> {
  const client = await RawClient.open(url);
  try {
    client.send(bytes);
    return await client.response();
  } finally {
    client.close();
  }
}
