import type { MsgImpl } from '@nats-io/nats-core/internal';
import type { BusHeaders } from './bus.ts';
import { findHeader, listHeaders, statusOf } from './headers.ts';

/** What a message needs from its bus to answer. */
export interface Responder {
  answer(reply: string, payload: Uint8Array | string, headers?: BusHeaders): void;
}

/**
 * A received message. Its header block is read only when somebody asks, and from the bytes: the client's own header map
 * costs microseconds per message and refuses names that other clients may send.
 */
export class BusMessage {
  readonly #msg: MsgImpl;
  readonly #responder: Responder;
  #block: string | undefined;

  constructor(msg: MsgImpl, responder: Responder) {
    this.#msg = msg;
    this.#responder = responder;
  }

  get subject(): string {
    return this.#msg.subject;
  }

  /** Subject to answer on; empty when no answer is expected. */
  get reply(): string {
    return this.#msg.reply;
  }

  /** A view of the socket's buffer, a Buffer or a plain Uint8Array. */
  get data(): Uint8Array {
    return this.#msg.data;
  }

  /** Bytes of the payload, without making a view of it. */
  get size(): number {
    return this.#msg._rdata.length - Math.max(this.#msg._msg.hdr, 0);
  }

  text(): string {
    return utf8(this.data);
  }

  /** Throws SyntaxError when the payload is not JSON. */
  json(): unknown {
    return JSON.parse(this.text());
  }

  /** First value of a field; the name is case-sensitive. */
  header(name: string): string | undefined {
    return this.#hasHeaders ? findHeader(this.#headers(), name) : undefined;
  }

  /** Every field as a flat list, repeated ones kept apart. */
  headerList(): string[] {
    return this.#hasHeaders ? listHeaders(this.#headers()) : [];
  }

  /** Code of the header block's first line (503 means nobody listens); 0 when there is none. */
  get status(): number {
    return this.#hasHeaders ? statusOf(this.#headers()).code : 0;
  }

  /** Words after the status code, `No Responders`; empty when there are none. */
  get statusText(): string {
    return this.#hasHeaders ? statusOf(this.#headers()).text : '';
  }

  /** Answers; does nothing when no answer is expected. Throws BusError `disconnected` or `too_large`. */
  respond(payload: Uint8Array | string, headers?: BusHeaders): void {
    const { reply } = this;
    if (reply !== '') this.#responder.answer(reply, payload, headers);
  }

  get #hasHeaders(): boolean {
    return this.#msg._msg.hdr > 0;
  }

  #headers(): string {
    this.#block ??= utf8(this.#msg._rdata.subarray(0, this.#msg._msg.hdr));
    return this.#block;
  }
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
