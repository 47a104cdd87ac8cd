import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { MsgImpl } from '@nats-io/nats-core/internal';
import type { BusHandler, BusReporter, BusSubscription } from './bus.ts';
import { BusMessage, type Responder } from './message.ts';

interface Surroundings {
  readonly connection: NatsConnection;
  readonly responder: Responder;
  readonly report: BusReporter;
  /** Called once, when nothing more arrives and no handler runs. */
  onEnd(subscription: NatsSubscription): void;
}

/** A subscription whose handler can throw, reject or take its time without harm to the connection's read loop. */
export class NatsSubscription implements BusSubscription {
  readonly subject: string;
  readonly #around: Surroundings;
  readonly #handler: BusHandler;
  readonly #subscription: Subscription;
  #running = 0;
  #ending: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(subject: string, handler: BusHandler, queue: string | undefined, around: Surroundings) {
    this.subject = subject;
    this.#handler = handler;
    this.#around = around;
    this.#subscription = around.connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, msg) => (error === null ? this.#onMessage(msg as MsgImpl) : this.#failed(error)),
    });
  }

  /** Handlers that have not ended. */
  get running(): number {
    return this.#running;
  }

  unsubscribe(): void {
    if (!this.#subscription.isClosed()) this.#subscription.unsubscribe();
    this.#ending ??= this.#end(Promise.resolve());
  }

  drain(): Promise<void> {
    // A drain waits for the server's sign that nothing is under way; without a connection it would wait for the next one.
    this.#ending ??= this.#end(
      this.#subscription.isClosed() ? Promise.resolve() : this.#subscription.drain().catch(() => {}),
    );
    return this.#ending;
  }

  /** Takes nothing more at once, for a bus that lost its connection. */
  abandon(): Promise<void> {
    this.unsubscribe();
    return this.drain();
  }

  async #end(delivered: Promise<void>): Promise<void> {
    await delivered;
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#around.onEnd(this);
  }

  /** Nothing may throw in here: it would kill the connection's read loop (STACK.md). */
  #onMessage(msg: MsgImpl): void {
    let running: void | Promise<void>;
    try {
      running = this.#handler(new BusMessage(msg, this.#around.responder));
    } catch (error) {
      return this.#failed(error);
    }
    if (running === undefined) return;
    this.#running += 1;
    // A promise is given back as it is; whatever else a handler has returned becomes one that can be waited for.
    Promise.resolve(running).then(
      () => this.#done(),
      (error: unknown) => {
        this.#failed(error);
        this.#done();
      },
    );
  }

  #done(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#idle?.();
  }

  #failed(error: unknown): void {
    this.#around.report({ kind: 'handler', detail: `handler of ${this.subject} failed`, error });
  }
}
