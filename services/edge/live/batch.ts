import type { LiveEvent } from './live-event.ts';

/**
 * The events of one feed that go out together: in each format one run of bytes for all clients, because a socket takes
 * ten frames in one write at about the price of one (STACK.md).
 */
export class Batch {
  readonly events: readonly LiveEvent[];
  readonly #eventId: (event: LiveEvent) => string;
  #json: Buffer | undefined;
  #msgpack: Buffer | undefined;
  #sse: Buffer | undefined;

  /** `eventId` gives the id of an event for SSE clients that follow nothing but this feed. */
  constructor(events: readonly LiveEvent[], eventId: (event: LiveEvent) => string) {
    this.events = events;
    this.#eventId = eventId;
  }

  /** Frames for WebSocket clients that speak JSON. */
  get json(): Buffer {
    return (this.#json ??= joined(this.events.map((event) => event.jsonFrame)));
  }

  get msgpack(): Buffer {
    return (this.#msgpack ??= joined(this.events.map((event) => event.msgpackFrame)));
  }

  get sse(): Buffer {
    return (this.#sse ??= joined(this.events.map((event) => event.sseEvent(this.#eventId(event)))));
  }

  /** What is left of it for a client that already has its first `skip` events. */
  without(skip: number): Batch {
    return new Batch(this.events.slice(skip), this.#eventId);
  }
}

function joined(parts: Buffer[]): Buffer {
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}
