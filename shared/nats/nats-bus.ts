import { PermissionViolationError, type NatsConnection, type Status } from '@nats-io/transport-node';
import type { MsgImpl, NatsConnectionImpl } from '@nats-io/nats-core/internal';
import type { Bus, BusHandler, BusHeaders, BusReporter, BusStatus, BusSubscription } from './bus.ts';
import { Calls, isNoResponders, noResponders, timedOut } from './calls.ts';
import { BusError } from './errors.ts';
import { FlushSchedule } from './flush-schedule.ts';
import { newInbox } from './inbox.ts';
import { BusMessage } from './message.ts';
import { checkSubject, Outbox } from './outbox.ts';
import { NatsSubscription } from './subscription.ts';

/** So much is not kept for the end of the turn: a burst of large messages leaves in several writes. */
const largestBatch = 1024 * 1024;

/** A server that shuts down lets its clients stay for ten seconds by default. */
const quietMs = 2_000;

const defaultMaxPayload = 1024 * 1024;

/** The {@link Bus} over a NATS connection. Everything that leaves goes through one queue. */
export class NatsBus implements Bus {
  readonly report: BusReporter;
  readonly #connection: NatsConnection;
  readonly #inboxPrefix: string;
  readonly #inbox: string;
  readonly #calls = new Calls();
  readonly #outbox = new Outbox();
  readonly #flushes = new FlushSchedule({
    bytes: () => this.#outbox.bytes,
    flush: () => this.#flushOutbox(),
  });
  readonly #subscriptions = new Set<NatsSubscription>();
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #around;
  #connected = true;
  #closing: Promise<void> | undefined;
  #maxPayload = defaultMaxPayload;
  #serverVersion = '';

  constructor(connection: NatsConnection, report: BusReporter, inboxPrefix: string) {
    this.#connection = connection;
    this.#inboxPrefix = inboxPrefix;
    this.#inbox = `${this.newInbox()}.`;
    this.report = (event) => {
      try {
        report(event);
      } catch {
        // A log that fails must not stop the messages.
      }
    };
    this.#around = {
      connection,
      responder: this,
      report: this.report,
      onEnd: (subscription: NatsSubscription) => this.#subscriptions.delete(subscription),
    };
    connection.subscribe(`${this.#inbox}*`, {
      callback: (error, msg) => this.#onReply(error, msg as MsgImpl),
    });
    this.#readServerInfo();
    void this.#followStatus();
  }

  get connected(): boolean {
    return this.#connected;
  }

  get maxPayload(): number {
    return this.#maxPayload;
  }

  get serverVersion(): string {
    return this.#serverVersion;
  }

  newInbox(): string {
    return newInbox(this.#inboxPrefix);
  }

  publish(subject: string, payload: Uint8Array | string, headers?: BusHeaders, reply?: string): void {
    checkSubject(subject);
    if (reply === undefined) return this.#send(subject, payload, headers);
    checkSubject(reply);
    return this.#send(`${subject} ${reply}`, payload, headers);
  }

  /** Answers on the reply subject of a message: it came over the wire, and needs no check. */
  answer(reply: string, payload: Uint8Array | string, headers?: BusHeaders): void {
    this.#send(reply, payload, headers);
  }

  #send(target: string, payload: Uint8Array | string, headers: BusHeaders | undefined): void {
    if (!this.#connected) throw disconnected();
    this.#outbox.add(this.#maxPayload, target, payload, headers);
    if (this.#outbox.bytes >= largestBatch) return this.#flushOutbox();
    this.#flushes.add();
  }

  request(
    subject: string,
    payload: Uint8Array | string,
    options: { deadline: number; headers?: BusHeaders },
  ): Promise<BusMessage> {
    return new Promise((resolve, reject) => {
      if (options.deadline <= Date.now()) throw timedOut();
      const token = this.#calls.add({ subject, many: false, resolve, reject }, options.deadline);
      this.#ask(token, subject, payload, options.headers);
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
      const finish = (error?: BusError): void => {
        clearTimeout(timer);
        this.#calls.remove(token);
        if (error === undefined) resolve(answers);
        else reject(error);
      };
      const onAnswer = (message: BusMessage): void => {
        if (isNoResponders(message)) return finish(until && noResponders());
        answers.push(message);
        try {
          if (until?.(message) === true) finish();
        } catch (error) {
          finish(new BusError('rejected', 'the answer could not be read', { cause: error }));
        }
      };
      const token = this.#calls.add({ subject, many: true, resolve: onAnswer, reject: finish });
      const timer = setTimeout(() => finish(until && timedOut()), options.waitMs);
      try {
        this.#ask(token, subject, payload, undefined);
      } catch (error) {
        clearTimeout(timer);
        throw error;
      }
    });
  }

  subscribe(subject: string, handler: BusHandler, options: { queue?: string } = {}): BusSubscription {
    if (this.#closing !== undefined || this.#connection.isClosed()) throw disconnected();
    checkSubject(subject);
    if (options.queue !== undefined) checkSubject(options.queue);
    const subscription = new NatsSubscription(subject, handler, options.queue, this.#around);
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async flush(): Promise<void> {
    if (!this.#connected) throw disconnected();
    this.#flushOutbox();
    const lost = Promise.withResolvers<never>();
    // As a call it fails with the connection; the client's own promise would wait for the next one.
    const token = this.#calls.add({ subject: '', many: true, resolve: () => {}, reject: lost.reject });
    try {
      await Promise.race([this.#connection.flush(), lost.promise]);
    } catch (error) {
      throw error instanceof BusError ? error : disconnected();
    } finally {
      this.#calls.remove(token);
    }
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(timeoutMs = 25_000): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    const ended = Promise.all(
      [...this.#subscriptions].map((subscription) =>
        this.#connected ? subscription.drain() : subscription.abandon(),
      ),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, 'late');
    });
    if ((await Promise.race([ended, late])) === 'late')
      this.report({ kind: 'handler', detail: 'closed the bus while handlers were still running' });
    clearTimeout(timer);
    if (this.#connected) await this.flush().catch(() => {});
    this.#connected = false;
    this.#calls.fail(disconnected());
    this.#calls.stop();
    await this.#connection.close();
  }

  #ask(token: number, subject: string, payload: Uint8Array | string, headers: BusHeaders | undefined): void {
    try {
      checkSubject(subject);
      this.#send(`${subject} ${this.#inbox}${token}`, payload, headers);
    } catch (error) {
      this.#calls.remove(token);
      throw error;
    }
  }

  #flushOutbox(): void {
    const frames = this.#outbox.take();
    // The client's queue keeps the order with its own subscribe and unsubscribe commands.
    if (frames !== null && this.#connected)
      (this.#connection as NatsConnectionImpl).protocol.sendCommand(frames);
  }

  #onReply(error: Error | null, msg: MsgImpl): void {
    if (error !== null) return this.report({ kind: 'connection', detail: 'inbox failed', error });
    // The token is read from the bytes: decoding the whole subject costs ten times as much.
    const subject = msg._msg.subject;
    let token = 0;
    for (let i = this.#inbox.length; i < subject.length; i += 1)
      token = token * 10 + (subject[i] as number) - 48;
    this.#calls.answer(token, new BusMessage(msg, this));
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.#connection.status()) this.#onStatus(status);
    this.#connected = false;
    this.#calls.fail(disconnected());
    this.#tell('closed');
  }

  #onStatus(status: Status): void {
    if (status.type === 'disconnect') this.#setConnected(false);
    else if (status.type === 'reconnect') this.#setConnected(true);
    else if (status.type === 'ldm') {
      void this.#moveOn();
    } else if (status.type === 'error') this.#onError(status.error);
  }

  /** A server that drains its clients would cut us off later: we choose a moment when nothing is under way, if one comes. */
  async #moveOn(): Promise<void> {
    this.report({ kind: 'connection', detail: 'the NATS server shuts down: moving to another' });
    const until = performance.now() + quietMs;
    const busy = (): boolean =>
      this.#calls.size > 0 || [...this.#subscriptions].some((each) => each.running > 0);
    while (busy() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    await this.flush().catch(() => {});
    if (this.#connected) await this.#connection.reconnect();
  }

  #onError(error: Error): void {
    // A refused publish gets no answer from anybody: its calls would wait out their deadlines. Whoever called is told, and
    // knows better than the log whether that is trouble.
    if (error instanceof PermissionViolationError && error.operation === 'publish') {
      const refused = new BusError('rejected', `NATS permissions forbid ${error.subject}`, { cause: error });
      if (this.#calls.fail(refused, error.subject) > 0) return;
    }
    this.report({ kind: 'connection', detail: error.message, error });
  }

  #setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    if (connected) this.#readServerInfo();
    this.report({
      kind: 'connection',
      detail: connected ? 'connected to NATS again' : 'connection to NATS lost',
    });
    if (!connected) {
      this.#outbox.clear();
      this.#calls.fail(disconnected());
    }
    this.#tell(connected ? 'connected' : 'disconnected');
  }

  /** Kept while the connection is away, when the client knows nothing. */
  #readServerInfo(): void {
    const { info } = this.#connection;
    this.#maxPayload = info?.max_payload ?? defaultMaxPayload;
    this.#serverVersion = info?.version ?? '';
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

function disconnected(): BusError {
  return new BusError('disconnected', 'not connected to NATS');
}
