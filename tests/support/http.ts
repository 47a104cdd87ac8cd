import { Agent, request } from 'node:http';

/** An answer with its header fields as they came: `fetch` would join repeated ones. */
export interface HttpAnswer {
  readonly status: number;
  /** First value, by lower-case name. */
  header(name: string): string | undefined;
  /** Every value, in order. */
  values(name: string): string[];
  readonly body: Buffer;
  readonly text: string;
  json(): Record<string, unknown>;
}

/** A client with connections of its own. Rejects where the connection breaks: such a request was lost. */
export class HttpClient {
  readonly #base: string;
  readonly #agent: Agent;

  constructor(base: string, options: { maxSockets?: number } = {}) {
    this.#base = base;
    this.#agent = new Agent({ keepAlive: true, ...options });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    return this.send('GET', path, { headers });
  }

  send(
    method: string,
    path: string,
    options: { headers?: Record<string, string>; body?: Uint8Array | string } = {},
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        `${this.#base}${path}`,
        { method, agent: this.#agent, headers: options.headers ?? {} },
        (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('error', reject);
          response.on('end', () =>
            resolve(answer(response.statusCode ?? 0, response.rawHeaders, Buffer.concat(pieces))),
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(options.body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function answer(status: number, raw: readonly string[], body: Buffer): HttpAnswer {
  const values = (name: string): string[] =>
    raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name);
  const text = body.toString();
  return {
    status,
    header: (name) => values(name)[0],
    values,
    body,
    text,
    json: () => JSON.parse(text) as Record<string, unknown>,
  };
}
