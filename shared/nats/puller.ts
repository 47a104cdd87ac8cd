import type { Bus, BusSubscription } from './bus.ts';
import { callApi, nanos } from './jetstream-api.ts';
import type { BusMessage } from './message.ts';
import { DeliveredMessage } from './delivered.ts';

/** One question for messages stays open this long; the server then says so and is asked again. */
const pullMs = 30_000;

/** The server speaks up this often while a question is open, so that silence means trouble. */
const heartbeatMs = 3_000;

const firstPauseMs = 50;
const longestPauseMs = 2_000;

export interface PullerHooks {
  readonly stream: string;
  /** Makes the consumer, or finds it; called again after every trouble. Gives its name. */
  prepare(): Promise<string>;
  /** One message, in order. Must not throw. Gives false for a message that shows a gap: the consumer is made anew. */
  onMessage(message: DeliveredMessage): boolean;
  /**
   * The server has had nothing more to send for a while: what it counted on is gone (a purge). `consumerSeq` is that of the
   * last message it sent; false for one that never came.
   */
  onIdle?(consumerSeq: number): boolean;
  /** How many messages may still come; 0 when the buffer is full. */
  room(): number;
}

/**
 * Keeps a JetStream pull consumer supplied with one open question at a time. Whatever goes wrong (a lost connection, a
 * restarted server, a deleted consumer, silence) ends in the same place: prepare again, ask again. Messages already
 * delivered are not told twice by it; that is for the consumer's acknowledgements, or the caller's sequence, to see to.
 */
export class Puller {
  readonly #bus: Bus;
  readonly #hooks: PullerHooks;
  readonly #inbox: string;
  readonly #subscription: BusSubscription;
  readonly #stopListening: () => void;
  #consumer: string | null = null;
  #pull = 0;
  /** Messages the open question may still bring; 0 when none is open. */
  #open = 0;
  #heard = 0;
  #watchdog: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #pauseMs = firstPauseMs;
  #preparing = false;
  #reported = false;
  #stopped = false;

  private constructor(bus: Bus, hooks: PullerHooks) {
    this.#bus = bus;
    this.#hooks = hooks;
    this.#inbox = bus.newInbox();
    this.#subscription = bus.subscribe(`${this.#inbox}.*`, (message) => this.#onMessage(message));
    this.#stopListening = bus.onStatus((status) => {
      if (status === 'connected') this.#restart(0);
      else this.#drop();
    });
  }

  /** Resolves when the consumer is there; throws BusError when it cannot be made. */
  static async start(bus: Bus, hooks: PullerHooks): Promise<Puller> {
    const puller = new Puller(bus, hooks);
    try {
      puller.#preparing = true;
      puller.#consumer = await hooks.prepare();
    } catch (error) {
      puller.#stopped = true;
      puller.#stopListening();
      puller.#subscription.unsubscribe();
      throw error;
    } finally {
      puller.#preparing = false;
    }
    puller.#watchdog = setInterval(() => puller.#watch(), heartbeatMs);
    puller.#watchdog.unref();
    puller.more();
    return puller;
  }

  /** Asks for more if there is room; call it whenever room appears. */
  more(): void {
    if (this.#stopped || this.#open > 0 || this.#consumer === null) return;
    const batch = this.#hooks.room();
    if (batch <= 0) return;
    const question = { batch, expires: nanos(pullMs), idle_heartbeat: nanos(heartbeatMs) };
    this.#heard = performance.now();
    try {
      this.#bus.publish(
        `$JS.API.CONSUMER.MSG.NEXT.${this.#hooks.stream}.${this.#consumer}`,
        JSON.stringify(question),
        undefined,
        `${this.#inbox}.${++this.#pull}`,
      );
      this.#open = batch;
    } catch (error) {
      this.#trouble(error);
    }
  }

  /** Stops asking; resolves when everything the server had sent has been told. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#watchdog);
    clearTimeout(this.#retry);
    this.#stopListening();
    await this.#subscription.drain();
  }

  /** Removes the consumer from the server, for those that no other process uses. */
  async forget(): Promise<void> {
    if (this.#consumer === null) return;
    await callApi(this.#bus, `CONSUMER.DELETE.${this.#hooks.stream}.${this.#consumer}`).catch(() => {});
  }

  #onMessage(message: BusMessage): void {
    this.#heard = performance.now();
    if (message.subject.startsWith(this.#inbox)) return this.#onStatus(message);
    const delivered = DeliveredMessage.from(message);
    // What an abandoned consumer still sends is no longer part of the sequence.
    if (delivered === null || delivered.consumer !== this.#consumer) return;
    if (this.#open > 0) this.#open -= 1;
    this.#pauseMs = firstPauseMs;
    this.#reported = false;
    if (!this.#hooks.onMessage(delivered)) return this.#restart(0);
    if (this.#open === 0) this.more();
  }

  #onStatus(message: BusMessage): void {
    const pull = Number(message.subject.slice(this.#inbox.length + 1));
    if (pull !== this.#pull) return;
    if (message.status === 100) return this.#onIdle(message);
    this.#open = 0;
    if (message.status === 404 || message.status === 408) return this.more();
    this.#trouble(new Error(`${message.status} ${message.statusText}`));
  }

  /** A sign from an abandoned consumer says nothing of the one that is being made. */
  #onIdle(message: BusMessage): void {
    const last = Number(message.header('Nats-Last-Consumer') ?? Number.NaN);
    if (this.#open > 0 && Number.isInteger(last) && this.#hooks.onIdle?.(last) === false) this.#restart(0);
  }

  #watch(): void {
    if (this.#open === 0 || performance.now() - this.#heard < 2 * heartbeatMs) return;
    this.#trouble(new Error('no sign of life from the consumer'));
  }

  #drop(): void {
    this.#consumer = null;
    this.#open = 0;
    clearTimeout(this.#retry);
  }

  #trouble(error: unknown): void {
    // One report per outage: the tries that follow have the same cause.
    if (!this.#reported)
      this.#bus.report({ kind: 'stream', detail: `reading stream ${this.#hooks.stream} failed`, error });
    this.#reported = true;
    this.#restart(this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  #restart(afterMs: number): void {
    this.#drop();
    if (this.#stopped) return;
    this.#retry = setTimeout(() => void this.#prepare(), afterMs);
  }

  async #prepare(): Promise<void> {
    // A try that is still under way ends on its own; it is followed by another if it fails.
    if (this.#stopped || this.#preparing || !this.#bus.connected) return;
    this.#preparing = true;
    try {
      const consumer = await this.#hooks.prepare();
      this.#preparing = false;
      if (!this.#bus.connected) return;
      this.#consumer = consumer;
      this.more();
    } catch (error) {
      this.#preparing = false;
      if (this.#bus.connected) this.#trouble(error);
    }
  }
}
