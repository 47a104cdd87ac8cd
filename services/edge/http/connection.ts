import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { SluiceError } from '@sluice/errors';
import type { Address } from '@sluice/addresses';

/** What the edge remembers of a client's connection beside what node:http does. */
export class Connection {
  /** Where the connection comes from: its peer, or whom the peer's PROXY header names. */
  readonly peer: Address;
  /** It is encrypted. */
  readonly secure: boolean;
  /** The peer may say for whom it speaks. */
  readonly trusted: boolean;
  /** What it has said last, and whom that means. */
  said: string | null = null;
  client: Address;
  /** The parser has given up on it: what still arrives is thrown away. */
  failed = false;
  /** An answer has said that it is the last one. */
  closing = false;
  /** Fails the body that is arriving, when the parser finds a fault in it. */
  receiving: ((error: SluiceError) => void) | null = null;
  readonly #socket: Socket;
  #inFlight = 0;
  /** Bytes received when the last request was done with. */
  #quietAt = 0;
  #last: ServerResponse | null = null;
  #afterLast: (() => void) | null = null;

  constructor(socket: Socket, from: { peer: Address; secure: boolean; trusted: boolean }) {
    this.#socket = socket;
    this.peer = from.peer;
    this.client = from.peer;
    this.secure = from.secure;
    this.trusted = from.trusted;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Nothing was asked that is not answered and written, and no request has begun to arrive. (`closeIdleConnections` of
   * node:http counts an answer as done when it was ended, though most of it may still have to be written.)
   */
  get idle(): boolean {
    return (
      this.#inFlight === 0 &&
      this.#socket.bytesRead === this.#quietAt &&
      (this.#last === null || this.#last.writableFinished)
    );
  }

  began(response: ServerResponse): void {
    this.#inFlight++;
    this.#last = response;
  }

  ended(): void {
    this.#inFlight--;
    this.#quietAt = this.#socket.bytesRead;
    if (this.#inFlight === 0 && this.#afterLast) this.#whenWritten(this.#afterLast);
  }

  /**
   * Runs `action` when every answer that the client still waits for is written: on a pipelined connection the answer
   * to a broken request must not overtake those before it (RFC 9112 section 9.3.2).
   */
  afterAnswers(action: () => void): void {
    if (this.#inFlight > 0) this.#afterLast = action;
    else this.#whenWritten(action);
  }

  #whenWritten(action: () => void): void {
    this.#afterLast = null;
    if (this.#last === null || this.#last.writableFinished) action();
    else this.#last.once('finish', action);
  }
}
