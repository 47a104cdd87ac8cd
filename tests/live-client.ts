import { WebSocket } from 'ws';

export interface LiveUpdate {
  readonly channel: string;
  readonly seq: number;
  readonly prev: number | null;
  readonly data: Record<string, unknown>;
}

type Position = Record<string, { epoch: string; seq: number }>;
type Message = LiveUpdate & {
  readonly id?: number;
  readonly ok?: boolean;
  readonly event?: string;
  readonly channels?: Record<string, { epoch: string; seq: number; recovered?: boolean; data?: unknown }>;
};

/**
 * A client as a user would write one from `docs/live.md`: it keeps its position on every channel, and when the
 * connection is lost it goes on at the next of its gateways. What it cannot join on to counts as a gap.
 */
export class ResumingClient {
  readonly updates: LiveUpdate[] = [];
  gaps = 0;
  reconnects = 0;
  /** Answers that could not be recovered, and channels that began anew. */
  lost = 0;
  ready = false;
  readonly #gateways: readonly string[];
  readonly #channels: readonly string[];
  readonly #position: Position = {};
  #ws: WebSocket | undefined;
  #at: number;
  #stopped = false;

  constructor(gateways: readonly string[], channels: readonly string[], start = 0) {
    this.#gateways = gateways;
    this.#channels = channels;
    this.#at = start;
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#ws?.terminate();
  }

  of(channel: string): LiveUpdate[] {
    return this.updates.filter((update) => update.channel === channel);
  }

  #connect(): void {
    const gateway = this.#gateways[this.#at % this.#gateways.length] as string;
    const ws = new WebSocket(`${gateway.replace('http', 'ws')}/v1/stream`);
    this.#ws = ws;
    ws.on('open', () =>
      ws.send(JSON.stringify({ id: 1, op: 'subscribe', channels: this.#channels, resume: this.#position })),
    );
    ws.on('message', (data: Buffer) => this.#onMessage(JSON.parse(data.toString()) as Message));
    ws.on('error', () => {});
    ws.on('close', () => {
      this.ready = false;
      if (this.#stopped) return;
      this.reconnects += 1;
      this.#at += 1;
      setTimeout(() => this.#connect(), 50);
    });
  }

  #onMessage(message: Message): void {
    if (message.channel !== undefined) {
      const position = this.#position[message.channel];
      if (position) {
        if (message.prev !== position.seq) this.gaps += 1;
        position.seq = message.seq;
      }
      this.updates.push(message);
      return;
    }
    // The gateway is there, but its bus is not yet.
    if (message.ok === false) this.#ws?.close();
    for (const [channel, { epoch, seq, recovered }] of Object.entries(message.channels ?? {})) {
      if (recovered === false) this.lost += 1;
      this.#position[channel] = { epoch, seq };
    }
    if (message.ok === true) this.ready = true;
  }
}
