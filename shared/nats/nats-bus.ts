import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import type { Bus, BusHandler, BusHeaders, BusReporter, BusStatus, BusSubscription } from './bus.ts';
import { Deadlines } from './deadlines.ts';
import { BusError } from './errors.ts';
import { encodeHeaders } from './headers.ts';
import { BusMessage } from './message.ts';

interface Pending {
  resolve(message: BusMessage): void;
  reject(error: BusError): void;
}

type Outgoing = [
  subject: string,
  payload: Uint8Array | string,
  options: { headers?: never; reply?: string } | undefined,
];

/** The {@link Bus} over a NATS connection. Everything that leaves goes through one queue, flushed once per turn. */
export class NatsBus implements Bus {
  /** For the JetStream and KV helpers beside this file; nobody else reaches past the port. */
  readonly connection: NatsConnection;
  readonly report: BusReporter;
  readonly #inboxPrefix = `${createInbox()}.`;
  readonly #pending = new Map<number, Pending>();
  /** Tokens that take more than one answer. */
  readonly #many = new Set<number>();
  readonly #deadlines = new Deadlines((token) => this.#expire(token));
  readonly #subscriptions = new Set<NatsSubscription>();
  readonly #listeners = new Set<(status: BusStatus) => void>();
  #outgoing: Outgoing[] = [];
  #flushScheduled = false;
  #token = 0;
  #connected = true;
  #closed = false;

  constructor(connection: NatsConnection, report: BusReporter) {
    this.connection = connection;
    this.report = report;
    connection.subscribe(`${this.#inboxPrefix}*`, { callback: (error, msg) => this.#onReply(error, msg) });
    void this.#followStatus();
  }

  get connected(): boolean {
    return this.#connected;
  }

  get maxPayload(): number {
    return this.connection.info?.max_payload ?? 1024 * 1024;
  }

  get serverVersion(): string {
    return this.connection.info?.version ?? '';
  }

  publish(subject: string, payload: Uint8Array | string, headers?: BusHeaders, reply?: string): void {
    if (!this.#connected) throw new BusError('disconnected', 'not connected to NATS');
    let size = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
    let options: { headers?: never; reply?: string } | undefined;
    if (headers !== undefined && headers.length > 0) {
      const encoded = encodeHeaders(headers);
      size += encoded.size;
      options = { headers: encoded.headers as never };
    }
    if (size > this.maxPayload)
      throw new BusError(
        'too_large',
        `message of ${size} bytes exceeds the ${this.maxPayload} that NATS takes`,
      );
    if (reply !== undefined) options = { ...options, reply };
    this.#outgoing.push([subject, payload, options]);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flushQueue());
  }

  request(
    subject: string,
    payload: Uint8Array | string,
    options: { deadline: number; headers?: BusHeaders },
  ): Promise<BusMessage> {
    return new Promise((resolve, reject) => {
      const token = ++this.#token;
      this.publish(subject, payload, options.headers, this.#inboxPrefix + token);
      this.#pending.set(token, { resolve, reject });
      this.#deadlines.add(token, options.deadline);
    });
  }

  requestMany(
    subject: string,
    payload: Uint8Array | string,
    options: { waitMs: number; until?: (answer: BusMessage) => boolean },
  ): Promise<BusMessage[]> {
    const { until } = options;
    return new Promise((resolve, reject) => {
      const answers: BusMessage[] = [];
      const token = ++this.#token;
      this.publish(subject, payload, undefined, this.#inboxPrefix + token);
      const finish = (error?: BusError): void => {
        clearTimeout(timer);
        this.#pending.delete(token);
        this.#many.delete(token);
        if (error === undefined) resolve(answers);
        else reject(error);
      };
      const timer = setTimeout(
        () => finish(until && new BusError('timeout', 'no answer before the deadline')),
        options.waitMs,
      );
      this.#many.add(token);
      this.#pending.set(token, {
        resolve: (message) => {
          if (message.status === 503 && message.data.length === 0)
            return finish(until && new BusError('no_responders', 'nobody listens on the subject'));
          answers.push(message);
          if (until?.(message)) finish();
        },
        reject: finish,
      });
    });
  }

  subscribe(subject: string, handler: BusHandler, options: { queue?: string } = {}): BusSubscription {
    const subscription = new NatsSubscription(
      subject,
      this.connection,
      this.report,
      (msg) => handler(new BusMessage(msg, this)),
      {
        ...options,
        onEnd: () => this.#subscriptions.delete(subscription),
      },
    );
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async flush(): Promise<void> {
    if (!this.#connected) throw new BusError('disconnected', 'not connected to NATS');
    this.#flushQueue();
    await this.connection.flush();
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(timeoutMs = 25_000): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const drained = Promise.all([...this.#subscriptions].map((subscription) => subscription.drain()));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([drained, new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)))]);
    clearTimeout(timer);
    this.#flushQueue();
    this.#deadlines.stop();
    if (this.#connected) await this.connection.flush().catch(() => {});
    await this.connection.close();
    this.#failPending('connection to NATS is closed');
  }

  #flushQueue(): void {
    this.#flushScheduled = false;
    const batch = this.#outgoing;
    if (batch.length === 0) return;
    this.#outgoing = [];
    if (!this.#connected) return;
    for (const [subject, payload, options] of batch) {
      try {
        this.connection.publish(subject, payload, options);
      } catch (error) {
        this.report({ kind: 'handler', detail: `publish to ${subject} failed`, error });
      }
    }
  }

  #onReply(error: Error | null, msg: Msg): void {
    if (error) return this.report({ kind: 'connection', detail: 'inbox failed', error });
    const token = Number(msg.subject.slice(this.#inboxPrefix.length));
    const pending = this.#pending.get(token);
    if (!pending) return;
    const message = new BusMessage(msg, this);
    if (this.#many.has(token)) return pending.resolve(message);
    this.#pending.delete(token);
    if (msg.data.length === 0 && message.status === 503)
      pending.reject(new BusError('no_responders', 'nobody listens on the subject'));
    else pending.resolve(message);
  }

  #expire(token: number): void {
    const pending = this.#pending.get(token);
    if (!pending) return;
    this.#pending.delete(token);
    pending.reject(new BusError('timeout', 'no answer before the deadline'));
  }

  #failPending(reason: string): void {
    const error = new BusError('disconnected', reason);
    for (const [token, pending] of this.#pending) {
      this.#pending.delete(token);
      pending.reject(error);
    }
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.#setConnected(false);
      else if (status.type === 'reconnect') this.#setConnected(true);
      else if (status.type === 'ldm') await this.connection.reconnect();
      else if (status.type === 'slowConsumer')
        this.report({ kind: 'slow_consumer', detail: 'a subscription falls behind' });
      else if (status.type === 'error')
        this.report({ kind: 'connection', detail: status.error.message, error: status.error });
    }
    this.#connected = false;
    this.#tell('closed');
  }

  #setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    if (!connected) {
      this.#outgoing = [];
      this.#failPending('connection to NATS was lost');
    }
    this.report({
      kind: 'connection',
      detail: connected ? 'connected to NATS again' : 'connection to NATS lost',
    });
    this.#tell(connected ? 'connected' : 'disconnected');
  }

  #tell(status: BusStatus): void {
    for (const listener of this.#listeners) {
      try {
        listener(status);
      } catch (error) {
        this.report({ kind: 'handler', detail: 'a status listener threw', error });
      }
    }
  }
}

/** A subscription whose handler can throw, reject or take its time without harm to the connection's read loop. */
class NatsSubscription implements BusSubscription {
  readonly subject: string;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #onEnd: () => void;
  readonly #subscription: Subscription;

  constructor(
    subject: string,
    connection: NatsConnection,
    report: BusReporter,
    handle: (msg: Msg) => void | Promise<void>,
    options: { queue?: string; onEnd: () => void },
  ) {
    this.subject = subject;
    this.#onEnd = options.onEnd;
    const failed = (error: unknown): void =>
      report({ kind: 'handler', detail: `handler of ${subject} failed`, error });
    this.#subscription = connection.subscribe(subject, {
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      // Nothing may throw in here: it would kill the connection's read loop (STACK.md).
      callback: (error, msg) => {
        if (error) return failed(error);
        try {
          const running = handle(msg);
          if (running === undefined) return undefined;
          const tracked = running.catch(failed).finally(() => this.#inFlight.delete(tracked));
          this.#inFlight.add(tracked);
        } catch (thrown) {
          failed(thrown);
        }
        return undefined;
      },
    });
  }

  unsubscribe(): void {
    this.#onEnd();
    this.#subscription.unsubscribe();
  }

  async drain(): Promise<void> {
    this.#onEnd();
    if (!this.#subscription.isClosed()) await this.#subscription.drain().catch(() => {});
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
  }
}
