import { StepError } from './terminal.ts';

interface LiveMessage {
  readonly id?: number;
  readonly ok?: boolean;
  readonly channel?: string;
  readonly data?: unknown;
  readonly error?: { readonly code: string; readonly detail: string };
}

/** Long enough for a busy machine. */
const patienceMs = 60_000;

/** A connection to `/v1/stream` that proves who it is with an API key in its first message, as browsers' sockets have to. */
export class PrivateChannel {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (message: LiveMessage) => void>();
  readonly #closed = Promise.withResolvers<string>();
  #event = Promise.withResolvers<unknown>();
  #ids = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as LiveMessage));
    socket.addEventListener('close', ({ code, reason }) => this.#closed.resolve(`${code} ${reason}`));
  }

  static async open(gateway: string): Promise<PrivateChannel> {
    const socket = new WebSocket(`${gateway.replace(/^http/, 'ws')}/v1/stream`);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new StepError('the WebSocket was refused')), {
        once: true,
      });
    });
    return new PrivateChannel(socket);
  }

  /** Sends an operation and gives its answer. */
  ask(message: { readonly op: string; readonly [member: string]: unknown }): Promise<LiveMessage> {
    const id = (this.#ids += 1);
    const answer = new Promise<LiveMessage>((resolve) => this.#answers.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, ...message }));
    return inTime(answer, 'an answer on the WebSocket');
  }

  /** Data of the next event. */
  async event(): Promise<unknown> {
    const data = await inTime(this.#event.promise, 'an event on the channel');
    this.#event = Promise.withResolvers();
    return data;
  }

  /** Code and reason, once the gateway has closed it. */
  closed(): Promise<string> {
    return inTime(this.#closed.promise, 'the end of the connection');
  }

  close(): void {
    this.#socket.close();
  }

  #take(message: LiveMessage): void {
    if (message.id !== undefined) this.#answers.get(message.id)?.(message);
    else if (message.channel !== undefined) this.#event.resolve(message.data);
  }
}

function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new StepError(`${what} did not come`)), patienceMs);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
