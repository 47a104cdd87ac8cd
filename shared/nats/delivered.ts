import type { BusMessage } from './message.ts';

/** A message of a consumer as its handler sees it. */
export interface ConsumedMessage {
  readonly subject: string;
  readonly seq: number;
  readonly timeMs: number;
  /** A view of the socket's buffer, as long as the handler runs: copy what outlives it. */
  readonly data: Uint8Array;
  header(name: string): string | undefined;
  /** Delivered before, to this process or another. */
  readonly redelivered: boolean;
  /** Says that this message can never be handled: it is not delivered again. */
  reject(reason: string): void;
}

/** A message with the facts that JetStream puts into its reply subject. */
export class DeliveredMessage implements ConsumedMessage {
  readonly subject: string;
  readonly consumer: string;
  readonly seq: number;
  /** Position among this consumer's deliveries; without a step of one there is a gap. */
  readonly consumerSeq: number;
  readonly timeMs: number;
  /** Messages for this consumer that were still to come when this one was sent. */
  readonly pending: number;
  readonly redelivered: boolean;
  readonly #message: BusMessage;
  #settled = false;

  private constructor(message: BusMessage, tokens: string[]) {
    this.#message = message;
    this.subject = message.subject;
    // $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, with domain and account
    // before the stream and a random token at the end where the server has domains.
    const at = tokens.length >= 11 ? 4 : 2;
    this.consumer = tokens[at + 1] ?? '';
    this.redelivered = tokens[at + 2] !== '1';
    this.seq = Number(tokens[at + 3]);
    this.consumerSeq = Number(tokens[at + 4]);
    // Nanoseconds do not fit a double; their last six digits are cut off as text.
    this.timeMs = Number((tokens[at + 5] ?? '').slice(0, -6));
    this.pending = Number(tokens[at + 6]);
  }

  /** Null for a message that no consumer delivered. */
  static from(message: BusMessage): DeliveredMessage | null {
    const { reply } = message;
    if (!reply.startsWith('$JS.ACK.')) return null;
    return new DeliveredMessage(message, reply.split('.'));
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get settled(): boolean {
    return this.#settled;
  }

  header(name: string): string | undefined {
    return this.#message.header(name);
  }

  reject(reason: string): void {
    this.#settle(`+TERM ${reason.replaceAll(/[\r\n]+/g, ' ')}`);
  }

  acknowledge(): void {
    this.#settle('+ACK');
  }

  /** Hands it back: delivered again after `delayMs`, to whichever replica asks. */
  handBack(delayMs: number): void {
    this.#settle(delayMs > 0 ? `-NAK {"delay": ${Math.round(delayMs) * 1_000_000}}` : '-NAK');
  }

  /** Tells the server that work goes on, which starts its acknowledgement wait again. */
  stillWorking(): void {
    if (!this.#settled) this.#tell('+WPI');
  }

  #settle(verdict: string): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#tell(verdict);
  }

  #tell(verdict: string): void {
    try {
      this.#message.respond(verdict);
    } catch {
      // Without a connection the server delivers it again after its acknowledgement wait, which is what an unsent verdict means.
    }
  }
}
