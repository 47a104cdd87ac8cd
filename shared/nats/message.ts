import type { Msg } from '@nats-io/transport-node';
import type { BusHeaders } from './bus.ts';

/** What a message needs from its bus to answer. */
export interface Responder {
  publish(subject: string, payload: Uint8Array | string, headers?: BusHeaders): void;
}

/** A received message. Header fields are parsed only when somebody asks. */
export class BusMessage {
  readonly #msg: Msg;
  readonly #responder: Responder;

  constructor(msg: Msg, responder: Responder) {
    this.#msg = msg;
    this.#responder = responder;
  }

  get subject(): string {
    return this.#msg.subject;
  }

  /** Subject to answer on; empty when no answer is expected. */
  get reply(): string {
    return this.#msg.reply ?? '';
  }

  /** A view of the socket's buffer, a Buffer or a plain Uint8Array. */
  get data(): Uint8Array {
    return this.#msg.data;
  }

  text(): string {
    const { data } = this;
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8');
  }

  /** Throws SyntaxError when the payload is not JSON. */
  json(): unknown {
    return JSON.parse(this.text());
  }

  /** First value of a field; the name is case-sensitive. */
  header(name: string): string | undefined {
    const value = this.#msg.headers?.get(name);
    return value === undefined || value === '' ? undefined : value;
  }

  /** Every field as a flat list, repeated ones kept apart. */
  headerList(): string[] {
    const list: string[] = [];
    const { headers } = this.#msg;
    for (const name of headers?.keys() ?? [])
      for (const value of headers?.values(name) ?? []) list.push(name, value);
    return list;
  }

  /** Status line of the header block (503 means nobody listens); 0 when there is none. */
  get status(): number {
    return this.#msg.headers?.code ?? 0;
  }

  /** Words after the status code, `No Responders`; empty when there are none. */
  get statusText(): string {
    return this.#msg.headers?.description ?? '';
  }

  /** Answers; does nothing when no answer is expected. Throws BusError `disconnected` or `too_large`. */
  respond(payload: Uint8Array | string, headers?: BusHeaders): void {
    if (this.reply !== '') this.#responder.publish(this.reply, payload, headers);
  }
}
