import { connect, createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { setting } from './ready.ts';

/**
 * The least that request and reply over NATS can do with the speed rules applied: one inbox, and everything published
 * in a turn of the event loop leaves in one write. No deadlines, no headers, no failure handling: this is the floor the
 * real bus is measured against, so it must not use the real bus.
 */
export class FloorBus {
  readonly #connection: NatsConnection;
  readonly #inbox = `${createInbox()}.`;
  readonly #pending = new Map<string, (reply: Msg) => void>();
  #outgoing: [subject: string, payload: Uint8Array, options: { reply: string } | undefined][] = [];
  #scheduled = false;
  #requests = 0;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    connection.subscribe(`${this.#inbox}*`, {
      callback: (_error, msg) => {
        const answered = this.#pending.get(msg.subject);
        this.#pending.delete(msg.subject);
        answered?.(msg);
      },
    });
  }

  request(subject: string, payload: Uint8Array, answered: (reply: Msg) => void): void {
    const reply = this.#inbox + ++this.#requests;
    this.#pending.set(reply, answered);
    this.publish(subject, payload, { reply });
  }

  publish(subject: string, payload: Uint8Array, options?: { reply: string }): void {
    this.#outgoing.push([subject, payload, options]);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const batch = this.#outgoing;
      this.#outgoing = [];
      for (const [subject, payload, options] of batch) this.#connection.publish(subject, payload, options);
    });
  }

  serve(subject: string, handle: (msg: Msg) => void): void {
    this.#connection.subscribe(subject, { queue: 'q', callback: (_error, msg) => handle(msg) });
  }

  /** Resolves when the server knows the subscriptions. */
  flush(): Promise<void> {
    return this.#connection.flush();
  }
}

export async function floorBus(): Promise<FloorBus> {
  return new FloorBus(await connect({ servers: setting('NATS_URL'), noAsyncTraces: true }));
}
