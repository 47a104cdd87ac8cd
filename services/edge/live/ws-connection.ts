import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Ending } from '../credentials/authenticator.ts';
import type { Access, AccessOwner } from './access.ts';
import type { Batch } from './batch.ts';
import { closeCodes, type CloseReason } from './close-codes.ts';
import type { Codec } from './codec.ts';
import type { ConnectionContext } from './connection-context.ts';
import type { Handshake } from './handshake.ts';
import type { Beating } from './heartbeat.ts';
import { RateLimit } from './limits.ts';
import { Membership } from './membership.ts';
import { Operations } from './operations.ts';
import { Outlet } from './outlet.ts';
import type { Standing, Subscriber, Subscription } from './subscription.ts';
import type { Rechecked } from './sweep.ts';
import { pingFrame } from './ws-frame.ts';

/** Refused messages until a connection is closed; forgiven with every heartbeat. */
const patience = 20;

/**
 * One WebSocket client. `ws` has done the handshake and reads; whole frames, made once for all clients, go to the socket
 * directly, because that is the dear part (STACK.md). `ws` writes its own few frames (pong, close) to the same socket,
 * and both write whole frames only.
 */
export class WsConnection implements Subscriber, Beating, AccessOwner, Rechecked {
  readonly format: 'json' | 'msgpack';
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #codec: Codec;
  readonly #context: ConnectionContext;
  readonly #handshake: Handshake;
  readonly #access: Access;
  readonly #outlet: Outlet;
  readonly #rate: RateLimit;
  readonly #operations: Operations;
  readonly #opened = Date.now();
  #refused = 0;
  #alive = true;
  /** Why this edge closes it. */
  #closing: CloseReason | undefined;

  constructor(
    ws: WebSocket,
    socket: Socket,
    codec: Codec,
    context: ConnectionContext,
    handshake: Handshake,
    access: Access,
  ) {
    const { hub, config, rules } = context;
    this.format = codec.format;
    this.#ws = ws;
    this.#socket = socket;
    this.#codec = codec;
    this.#context = context;
    this.#handshake = handshake;
    this.#access = access;
    this.#outlet = new Outlet(
      codec,
      socket,
      { pulse: hub.pulse, metrics: hub.metrics, budget: config.liveBudget },
      () => this.close('slow'),
    );
    this.#rate = new RateLimit(rules().messageRate);
    this.#operations = new Operations({
      codec,
      outlet: this.#outlet,
      membership: new Membership(this, hub, { access, rules }),
      access,
      rate: this.#rate,
      context,
      handshake,
    });
    ws.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    ws.on('ping', () => this.#onPing());
    ws.on('pong', () => {
      this.#alive = true;
    });
    access.own(this);
  }

  deliver(batch: Batch, subscription: Subscription): void {
    this.#outlet.deliver(batch, subscription);
  }

  resync(_subscription: Subscription, standing: Standing): void {
    this.#outlet.send(this.#codec.standings({ event: 'resync' }, [standing]));
  }

  notify(event: 'degraded' | 'restored'): void {
    this.#outlet.send(this.#codec.plain({ event }));
  }

  heartbeat(): void {
    if (!this.#alive) {
      // Nothing can be said to a dead peer: no close frame.
      this.#decide('unresponsive');
      this.#ws.terminate();
      return;
    }
    this.#alive = false;
    this.#refused = 0;
    this.#outlet.send(pingFrame);
  }

  expiring(inMs: number): void {
    this.#outlet.send(this.#codec.plain({ event: 'expiring', in_ms: Math.round(inMs) }));
  }

  ended(why: Ending): void {
    this.close(why);
  }

  changed(): void {
    this.#context.recheckSoon(this);
  }

  recheck(): void {
    const { rules, addressAllowed } = this.#context;
    if (this.#closing) return;
    if (!addressAllowed(this.#handshake.address)) return this.close('refused');
    this.#rate.change(rules().messageRate);
    this.#access.refresh();
    this.#operations.withdraw();
  }

  /** Tells the client when to come back, and closes. */
  retire(afterMs: number): void {
    this.#outlet.send(this.#codec.plain({ event: 'closing', reconnect_ms: Math.round(afterMs) }));
    this.close('going_away');
  }

  close(reason: CloseReason): void {
    if (!this.#decide(reason)) return;
    this.#operations.close();
    this.#outlet.beat();
    this.#outlet.close();
    const { code, text } = closeCodes[reason];
    this.#ws.close(code, text);
  }

  /** Cuts it, after `close` had its time. */
  terminate(): void {
    this.#ws.terminate();
  }

  /** The socket is gone. Gives what belongs into the log. */
  record(code: number): Record<string, unknown> {
    const reason = this.#closing;
    this.#closing ??= 'gone';
    this.#operations.close();
    this.#outlet.close();
    if (!reason) this.#context.hub.metrics.closed.inc({ reason: code === 1006 ? 'lost' : 'client' });
    return {
      request_id: this.#handshake.requestId,
      client: this.#handshake.address,
      transport: 'websocket',
      ...this.#access.facts,
      format: this.format,
      code,
      ...(reason === undefined ? {} : { reason }),
      ms: Date.now() - this.#opened,
      bytes: this.#socket.bytesWritten,
    };
  }

  /** False when it is being closed already. */
  #decide(reason: CloseReason): boolean {
    if (this.#closing) return false;
    this.#closing = reason;
    this.#context.hub.metrics.closed.inc({ reason });
    return true;
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#alive = true;
    if (this.#closing) return;
    if (!this.#rate.take(1)) return this.close('flood');
    if (this.#operations.begin(data, isBinary)) return;
    this.#refused += 1;
    if (this.#refused > patience) this.close('abusive');
  }

  /** RFC 6455 section 5.5.3 lets a client ping as it likes, and each ping costs an answer. */
  #onPing(): void {
    this.#alive = true;
    if (!this.#rate.take(1)) this.close('flood');
  }
}
