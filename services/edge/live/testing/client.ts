import { Packr, Unpackr } from 'msgpackr';
import { until } from '@sluice/testing';
import { WebSocket, type ClientOptions } from 'ws';

/** An update as clients get it. */
export interface Update {
  readonly channel: string;
  readonly seq: number;
  readonly prev: number | null;
  readonly data: unknown;
  readonly encoding?: string;
}

export interface Standing {
  readonly epoch: string;
  readonly seq: number;
  readonly recovered?: boolean;
  readonly data?: unknown;
  readonly snapshot?: Record<string, { seq: number; data: unknown }>;
}

export interface Answer {
  readonly id: string | number | null;
  readonly ok?: boolean;
  readonly error?: { code: string; detail: string; retry_after?: number };
  readonly channels?: Record<string, Standing>;
  readonly status?: number;
  readonly headers?: Record<string, unknown>;
  readonly body?: unknown;
  readonly encoding?: string;
}

export type ConnectOptions = ClientOptions & { protocol?: string | undefined };

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** A client of the native protocol, written from `docs/live.md`. */
export class LiveClient {
  readonly ws: WebSocket;
  readonly updates: Update[] = [];
  readonly answers: Answer[] = [];
  /** Messages that the edge sends by itself. */
  readonly events: { event: string; channels?: Record<string, Standing> }[] = [];
  closed: { code: number; reason: string } | undefined;
  readonly #msgpack: boolean;
  #id = 0;

  private constructor(ws: WebSocket, msgpack: boolean) {
    this.ws = ws;
    this.#msgpack = msgpack;
    ws.on('message', (data: Buffer, isBinary) => {
      const message = (isBinary ? unpackr.unpack(data) : JSON.parse(data.toString())) as
        | Update
        | Answer
        | { event: string };
      if ('channel' in message) this.updates.push(message);
      else if ('event' in message) this.events.push(message);
      else this.answers.push(message);
    });
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    ws.on('error', () => {});
  }

  static async connect(url: string, options: ConnectOptions = {}): Promise<LiveClient> {
    const { protocol, ...rest } = options;
    const ws = new WebSocket(url.replace('http', 'ws'), protocol === undefined ? [] : [protocol], rest);
    const client = new LiveClient(ws, protocol === 'sluice.msgpack');
    await new Promise((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
      ws.once('unexpected-response', (_request, response) =>
        reject(new Error(`status ${response.statusCode}`)),
      );
    });
    return client;
  }

  send(message: unknown): void {
    this.ws.send(this.#msgpack ? packr.pack(message) : JSON.stringify(message));
  }

  /** Sends an operation and gives its answer. */
  async op(op: string, members: Record<string, unknown> = {}): Promise<Answer> {
    const id = ++this.#id;
    this.send({ id, op, ...members });
    return until(() => this.answers.find((answer) => answer.id === id), {
      message: () => `answer to ${op}; closed: ${JSON.stringify(this.closed)}`,
    });
  }

  async subscribe(...channels: string[]): Promise<Record<string, Standing>> {
    return standingsOf(await this.op('subscribe', { channels }));
  }

  async resume(channel: string, from: { epoch: string; seq: number }): Promise<Standing> {
    const answer = await this.op('subscribe', { channels: [channel], resume: { [channel]: from } });
    return standingsOf(answer)[channel] as Standing;
  }

  of(channel: string): Update[] {
    return this.updates.filter((update) => update.channel === channel);
  }

  async close(): Promise<void> {
    this.ws.close();
    await until(() => this.closed);
  }
}

export function standingsOf(answer: Answer): Record<string, Standing> {
  if (answer.ok !== true || !answer.channels) throw new Error(`refused: ${JSON.stringify(answer.error)}`);
  return answer.channels;
}
