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

/** Places at the beginning; a power of two, as always. */
const firstPlaces = 1_024;

/**
 * The questions in flight. A token names one of them and is the last part of its reply subject. Tokens count up, and
 * their low bits are the place of a call: no map, because one whose entries come and go all the time is replaced again and
 * again, each old table holds on to the next, and with the first one that grows old the collector keeps all of them and
 * the requests in them (measured: a sixth of everything that an edge allocates outlived its use, and twice the time of the
 * collector).
 */
export class Calls {
  #places: (Call | undefined)[] = places(firstPlaces);
  #tokens: number[] = zeros(firstPlaces);
  readonly #deadlines = new Deadlines((token) => this.#expire(token));
  #token = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Without a deadline the caller ends it with `remove`. */
  add(call: Call, deadline?: number): number {
    if (this.#size * 2 >= this.#places.length) this.#grow();
    let place: number;
    // A call that takes long is still in its place when its turn comes again.
    do place = ++this.#token & (this.#places.length - 1);
    while (this.#places[place] !== undefined);
    const token = this.#token;
    this.#places[place] = call;
    this.#tokens[place] = token;
    this.#size++;
    if (deadline !== undefined) this.#deadlines.add(token, deadline);
    return token;
  }

  remove(token: number): void {
    this.#take(token);
  }

  /** Gives a message to the call it answers; a late or foreign one is dropped. */
  answer(token: number, message: BusMessage): void {
    const call = this.#get(token);
    if (call === undefined) return;
    if (call.many) return call.resolve(message);
    this.#take(token);
    if (isNoResponders(message)) call.reject(noResponders());
    else call.resolve(message);
  }

  /** Fails the calls to one subject, or all of them. Gives how many. */
  fail(error: BusError, subject?: string): number {
    let failed = 0;
    // In the order in which they were made; a copy, because a call that fails may cause others.
    const tokens = this.#tokens.filter((token) => this.#get(token) !== undefined).sort((a, b) => a - b);
    for (const token of tokens) {
      if (subject !== undefined && this.#get(token)?.subject !== subject) continue;
      const call = this.#take(token);
      if (call === undefined) continue;
      call.reject(error);
      failed += 1;
    }
    return failed;
  }

  stop(): void {
    this.#deadlines.stop();
  }

  #get(token: number): Call | undefined {
    const place = token & (this.#places.length - 1);
    return this.#tokens[place] === token ? this.#places[place] : undefined;
  }

  #take(token: number): Call | undefined {
    const call = this.#get(token);
    if (call === undefined) return undefined;
    this.#places[token & (this.#places.length - 1)] = undefined;
    this.#size--;
    return call;
  }

  #expire(token: number): void {
    this.#take(token)?.reject(timedOut());
  }

  #grow(): void {
    const [calls, tokens] = [this.#places, this.#tokens];
    this.#places = places(2 * calls.length);
    this.#tokens = zeros(2 * calls.length);
    calls.forEach((call, from) => {
      if (call === undefined) return;
      const token = tokens[from] as number;
      const place = token & (this.#places.length - 1);
      this.#places[place] = call;
      this.#tokens[place] = token;
    });
  }
}

function places(count: number): (Call | undefined)[] {
  return Array.from({ length: count }, () => undefined);
}

/** No call has token 0. */
function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
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
