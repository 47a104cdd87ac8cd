import { Deadlines } from './deadlines.ts';
import { BusError } from './errors.ts';
import type { BusMessage } from './message.ts';

/** A question that waits for its answer, or with `many` for answers. */
export interface Call {
  readonly subject: string;
  readonly many: boolean;
  resolve(message: BusMessage): void;
  reject(error: BusError): void;
}

/** The questions in flight. A token names one of them and is the last part of its reply subject. */
export class Calls {
  readonly #calls = new Map<number, Call>();
  readonly #deadlines = new Deadlines((token) => this.#expire(token));
  #token = 0;

  get size(): number {
    return this.#calls.size;
  }

  /** Without a deadline the caller ends it with `remove`. */
  add(call: Call, deadline?: number): number {
    const token = ++this.#token;
    this.#calls.set(token, call);
    if (deadline !== undefined) this.#deadlines.add(token, deadline);
    return token;
  }

  remove(token: number): void {
    this.#calls.delete(token);
  }

  /** Gives a message to the call it answers; a late or foreign one is dropped. */
  answer(token: number, message: BusMessage): void {
    const call = this.#calls.get(token);
    if (call === undefined) return;
    if (call.many) return call.resolve(message);
    this.#calls.delete(token);
    if (isNoResponders(message)) call.reject(noResponders());
    else call.resolve(message);
  }

  /** Fails the calls to one subject, or all of them. Gives how many. */
  fail(error: BusError, subject?: string): number {
    let failed = 0;
    for (const [token, call] of this.#calls) {
      if (subject !== undefined && call.subject !== subject) continue;
      this.#calls.delete(token);
      call.reject(error);
      failed += 1;
    }
    return failed;
  }

  stop(): void {
    this.#deadlines.stop();
  }

  #expire(token: number): void {
    const call = this.#calls.get(token);
    if (call === undefined) return;
    this.#calls.delete(token);
    call.reject(timedOut());
  }
}

/** The server's own answer where nobody listens. */
export function isNoResponders(message: BusMessage): boolean {
  return message.size === 0 && message.status === 503;
}

export function noResponders(): BusError {
  return new BusError('no_responders', 'nobody listens on the subject');
}

export function timedOut(): BusError {
  return new BusError('timeout', 'no answer before the deadline');
}
