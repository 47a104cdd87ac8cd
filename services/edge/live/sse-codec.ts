import type { Batch } from './batch.ts';
import { standingsJson } from './codec.ts';
import { eventIdOf, eventIdPrefix, formatEventId, parseEventId } from './event-id.ts';
import type { LiveEvent } from './live-event.ts';
import type { Resume } from './op.ts';
import type { Encoder } from './outlet.ts';
import type { Standing, Subscription } from './subscription.ts';

/** A comment line (HTML, 9.2.6): keeps proxies from closing a quiet stream. */
export const sseComment: Buffer = Buffer.from(': \n\n');

/**
 * How the events of one client of server-sent events are written, and with them where it stands on all its names: that
 * is their id. Events are shared with all other clients where it follows one name, and get an id of their own where it
 * follows several.
 */
export class SseCodec implements Encoder {
  readonly #names: readonly string[];
  /** Newest sequence the client has of each name, in the same order. */
  readonly #positions: number[];
  readonly #stream: { readonly epoch: string };

  /** `stream` is asked for its epoch whenever an id is written: a stream that began anew has another one. */
  constructor(names: readonly string[], stream: { readonly epoch: string }) {
    this.#names = names;
    this.#positions = names.map(() => 0);
    this.#stream = stream;
  }

  /** Takes over where the client says it stands. An id of other names, or none at all, is nowhere. */
  resume(lastEventId: string): Resume {
    // It is a position all the same: one that nothing can be recovered from.
    const id = parseEventId(lastEventId, this.#names) ?? { epoch: '', sequences: [] };
    id.sequences.forEach((seq, i) => {
      this.#positions[i] = seq;
    });
    return Object.fromEntries(
      this.#names.map((name, i) => [name, { epoch: id.epoch, seq: id.sequences[i] ?? 0 }]),
    );
  }

  /** What a client is told that has joined all its names: what it missed, then where it stands. */
  welcome(standings: readonly Standing[]): Buffer[] {
    const messages: Buffer[] = [];
    // What cannot be resumed is no position any more, in the ids of the other names' events too.
    for (const { name, recovered } of standings) if (recovered !== true) this.#stand(name, 0);
    for (const { name, events, seq } of standings) {
      for (const event of events) messages.push(this.#event(event, name));
      this.#stand(name, seq);
    }
    messages.push(this.#standings('subscribed', standings));
    return messages;
  }

  /** Where a client stands now that has lost the thread of one name. */
  resync(standing: Standing): Buffer {
    this.#stand(standing.name, standing.seq);
    return this.#standings('resync', [standing]);
  }

  batch(batch: Batch, subscription: Subscription): Buffer {
    if (this.#names.length > 1)
      return Buffer.concat(batch.events.map((event) => this.#event(event, subscription.name)));
    this.#positions[0] = batch.events.at(-1)?.seq ?? 0;
    return batch.sse;
  }

  event(event: LiveEvent, subscription?: Subscription): Buffer {
    return this.#event(event, subscription?.name);
  }

  #event(event: LiveEvent, name = event.channel): Buffer {
    const at = this.#names.indexOf(name);
    // A channel of a pattern whose lost event was fetched late is behind the others.
    this.#positions[at] = Math.max(this.#positions[at] ?? 0, event.seq);
    return event.sseEvent(
      this.#names.length > 1 ? this.#id() : eventIdOf(this.#stream.epoch, name, this.#positions[0] as number),
    );
  }

  #standings(event: string, standings: readonly Standing[]): Buffer {
    const data = `{"channels":${standingsJson(standings)}}`;
    return Buffer.from(`event: ${event}\nid: ${this.#id()}\ndata: ${data}\n\n`);
  }

  #id(): string {
    return formatEventId(eventIdPrefix(this.#stream.epoch, this.#names), this.#positions);
  }

  #stand(name: string, seq: number): void {
    this.#positions[this.#names.indexOf(name)] = seq;
  }
}

/**
 * A message that is no position: the id of the event before it stays the client's. `retryMs` is how long the client
 * waits before it comes back when the stream ends.
 */
export function sseMessage(event: string, data: Readonly<Record<string, unknown>>, retryMs?: number): Buffer {
  const retry = retryMs === undefined ? '' : `retry: ${retryMs}\n`;
  return Buffer.from(`${retry}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
