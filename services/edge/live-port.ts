import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Bus } from '@sluice/nats';
import type { Logger, Registry } from '@sluice/telemetry';
import type { FlatHeaders } from '@sluice/wire';
import type { Caller } from './caller.ts';
import type { Authenticator, Credentials } from './credentials/authenticator.ts';
import type { DocumentSource } from './credentials/method-context.ts';

/**
 * The border between the HTTP side of the edge and its live side. `live/mod.ts` exports `createLive`, which has the
 * type {@link CreateLive}, and `liveSettings`, the settings that `config.ts` spreads into the process's own.
 */
export type CreateLive<Config> = (options: LiveOptions<Config>) => Live;

export interface LiveOptions<Config> {
  readonly bus: Bus;
  readonly config: Config;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly call: GatewayCaller;
  readonly authenticator: Authenticator;
  readonly documents: DocumentSource;
  readonly addresses: LiveAddresses;
}

/** The address rules for all routes, as they are in force. */
export interface LiveAddresses {
  addressAllowed(address: string): boolean;
  /** Calls `listener` after others have come into force. */
  onChange(listener: () => void): () => void;
}

/** What the HTTP side has found out about a client before it hands the client over. */
export interface LiveClient {
  /** Canonical request id, already checked. */
  readonly requestId: string;
  /** Address as text, after trusted proxies. */
  readonly address: string;
  /** Raw query string without the question mark. */
  readonly query: string;
  readonly credentials: Credentials;
  /** What calls over the socket carry on: end-to-end fields of the request, lower case. */
  readonly headers: FlatHeaders;
}

export interface Live {
  /**
   * A WebSocket handshake on `/v1/stream`: path, `Host` and method are already checked. Takes the socket over, its
   * `error` event included; with a promise where the client's credentials are not known yet. To refuse, throw a
   * SluiceError (or reject with it) before anything is written: the caller sends the problem document and closes.
   */
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    client: LiveClient,
  ): void | Promise<void>;
  /**
   * A plain `GET /v1/stream`: server-sent events. Takes the response over. Refuses like `handleUpgrade`. The access
   * record is written when the response closes.
   */
  handleSse(request: IncomingMessage, response: ServerResponse, client: LiveClient): void | Promise<void>;
  /** Connections now open, of both kinds. */
  readonly connections: number;
  /** Closes every connection in order (WebSocket 1001 with `reason`, SSE by its end) and resolves when they are gone. */
  close(reason: string): Promise<void>;
  /** How long `close` may take, milliseconds: clients that do not answer are cut off by then. */
  readonly closeWithinMs: number;
}

/** A request that comes over a live connection instead of HTTP. */
export interface GatewayCall {
  readonly method: string;
  /** Path with or without a query, as a client would put it into the request line. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: FlatHeaders;
  readonly body: Uint8Array;
  readonly address: string;
  /** Who the connection's own credential has proven to be; counts where the call brings none. */
  readonly caller: Caller | null;
  /** Absent: a new one is made. */
  readonly requestId?: string;
}

export interface GatewayReply {
  readonly status: number;
  readonly headers: FlatHeaders;
  /** Aliases a socket buffer: use it before the next event-loop turn, or copy it. */
  readonly body: Uint8Array;
}

/** Runs a call through the same phases as an HTTP request. Never rejects: failures are problem documents. */
export type GatewayCaller = (call: GatewayCall) => Promise<GatewayReply>;
