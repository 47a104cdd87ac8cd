import type { BusMessage } from './message.ts';

/** NATS header fields as a flat list of names and values. Names are case-sensitive. CR and LF are refused. */
export type BusHeaders = readonly string[];

/**
 * Called once per message. It may be async; what it throws or rejects with is reported and touches nothing else.
 * `message.data` is a view of the socket's buffer: copy it before keeping it past the first await.
 */
export type BusHandler = (message: BusMessage) => void | Promise<void>;

export interface BusSubscription {
  readonly subject: string;
  /** Stops delivery at once; handlers already running are not waited for. */
  unsubscribe(): void;
  /** Stops delivery, then resolves when every message already received has been handled. */
  drain(): Promise<void>;
}

/** Something operators should see: a handler that threw, a connection that went away, a stream that misbehaves. */
export interface BusEvent {
  readonly kind: 'handler' | 'connection' | 'slow_consumer' | 'stream';
  readonly detail: string;
  readonly error?: unknown;
}

export type BusReporter = (event: BusEvent) => void;

/** Connection changes as others see them; `closed` is final. */
export type BusStatus = 'connected' | 'disconnected' | 'closed';

/**
 * The message bus. Publishes that follow each other closely leave in one write, and all requests share one inbox
 * subscription (DESIGN.md, speed rules 1 and 2).
 */
export interface Bus {
  readonly connected: boolean;
  /** Bytes the server accepts in one message, headers included. */
  readonly maxPayload: number;
  /** Server version, `2.15.1`. */
  readonly serverVersion: string;
  /** A new subject that this connection may listen on and nobody else does: where answers go. */
  newInbox(): string;

  /** Where the helpers on top of the bus tell of what nobody waits for; for the log. */
  readonly report: BusReporter;

  /** Fire and forget. Throws BusError `disconnected` or `too_large`. */
  publish(subject: string, payload: Uint8Array | string, headers?: BusHeaders, reply?: string): void;

  /** `deadline` is absolute (ms since the epoch), met to about 25 ms. Rejects with BusError. */
  request(
    subject: string,
    payload: Uint8Array | string,
    options: { deadline: number; headers?: BusHeaders },
  ): Promise<BusMessage>;

  /**
   * Asks everybody who listens (for example `$SRV.PING`) and gives the answers that arrive within `waitMs`; none when
   * nobody listens. With `until` the call ends at the answer for which it is true (that one included), and then silence
   * is a failure: `timeout` after `waitMs`, `no_responders` when nobody listens.
   */
  requestMany(
    subject: string,
    payload: Uint8Array | string,
    options: { waitMs: number; until?: (answer: BusMessage) => boolean },
  ): Promise<BusMessage[]>;

  subscribe(subject: string, handler: BusHandler, options?: { queue?: string }): BusSubscription;

  /** Resolves when the server has seen everything published so far. */
  flush(): Promise<void>;

  /** Tells of changes from now on; gives a function that stops telling. */
  onStatus(listener: (status: BusStatus) => void): () => void;

  /** Drains subscriptions, waits for handlers in flight (at most `timeoutMs`, default 25 s), flushes, closes. */
  close(timeoutMs?: number): Promise<void>;
}
