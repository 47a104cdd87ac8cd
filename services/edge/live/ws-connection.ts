import type { Socket } from 'node:net';
import { SluiceError, toSluiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import type { FlatHeaders } from '@sluice/wire';
import type { WebSocket } from 'ws';
import type { Ending } from '../credentials/authenticator.ts';
import type { GatewayCaller } from '../live-port.ts';
import type { Access, AccessOwner } from './access.ts';
import type { Batch } from './batch.ts';
import { gatewayCallOf } from './call.ts';
import { closeCodes, type CloseReason } from './close-codes.ts';
import type { Codec } from './codec.ts';
import type { Beating } from './heartbeat.ts';
import type { Hub } from './hub.ts';
import { RateLimit } from './limits.ts';
import { Membership } from './membership.ts';
import { idOf, parseOp, type CallOp, type Op, type OpId } from './op.ts';
import { Outlet } from './outlet.ts';
import { ChannelsRefused } from './permissions.ts';
import type { LiveRules } from './rules.ts';
import type { LiveConfig } from './settings.ts';
import type { Standing, Subscriber, Subscription } from './subscription.ts';
import type { Rechecked } from './sweep.ts';
import { pingFrame } from './ws-frame.ts';

/** What all connections of an edge share. */
export interface ConnectionContext {
  readonly hub: Hub;
  readonly config: LiveConfig;
  readonly logger: Logger;
  readonly call: GatewayCaller;
  readonly rules: () => LiveRules;
  readonly addressAllowed: (address: string) => boolean;
  /** Calls `recheck` in a later turn: very many connections may ask for it at once. */
  readonly recheckSoon: (connection: Rechecked) => void;
  /** What a refusal for want of credentials asks for: value of `www-authenticate`. */
  readonly challenge: () => string;
}

/** What is kept of the handshake. */
export interface Handshake {
  readonly requestId: string;
  readonly address: string;
  /** Fields that calls over the connection carry on. */
  readonly headers: FlatHeaders;
}

/** Refused messages until a connection is closed; forgiven with every heartbeat. */
const patience = 20;
/** Subscribes and unsubscribes that may wait for the one before them. */
const longestQueue = 64;

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
  readonly #membership: Membership;
  readonly #rate: RateLimit;
  readonly #opened = Date.now();
  /** Subscribes and unsubscribes, one after the other. */
  #queue: Promise<void> | undefined;
  #queued = 0;
  #calls = 0;
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
    this.#membership = new Membership(this, hub, { access, rules });
    this.#rate = new RateLimit(rules().messageRate);
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
    this.#withdraw();
  }

  /** Tells the client when to come back, and closes. */
  retire(afterMs: number): void {
    this.#outlet.send(this.#codec.plain({ event: 'closing', reconnect_ms: Math.round(afterMs) }));
    this.close('going_away');
  }

  close(reason: CloseReason): void {
    if (!this.#decide(reason)) return;
    this.#membership.close();
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
    this.#membership.close();
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
    let id: OpId = null;
    try {
      const value = this.#codec.decode(data, isBinary);
      id = idOf(value);
      this.#perform(parseOp(value));
    } catch (error) {
      this.#refuse(id, error);
      this.#refused += 1;
      if (this.#refused > patience) this.close('abusive');
    }
  }

  #perform(op: Op): void {
    switch (op.op) {
      case 'ping':
        return this.#outlet.send(this.#codec.plain({ id: op.id, ok: true }));
      case 'call':
        if (this.#calls >= this.#context.config.liveCallsInFlight)
          throw new SluiceError('too_many_requests', 'Too many calls are under way on this connection.');
        return void this.#call(op);
      case 'auth':
        return void this.#authenticate(op.id, op.token);
      case 'unsubscribe':
        return this.#inOrder(op.id, () => this.#unsubscribe(op.id, op.channels));
      case 'subscribe':
        if (!this.#rate.take(op.channels.length)) throw tooFast();
        return this.#inOrder(op.id, () =>
          this.#membership.join({ names: op.channels, resume: op.resume, history: op.history }, (standings) =>
            this.#welcome(op.id, standings),
          ),
        );
    }
  }

  /** What the client missed comes first, as ordinary updates; then the answer says where it stands. */
  #welcome(id: OpId, standings: readonly Standing[]): void {
    for (const { events } of standings)
      for (const event of events) this.#outlet.send(this.#codec.event(event));
    this.#outlet.send(this.#codec.standings({ id, ok: true }, standings));
  }

  #unsubscribe(id: OpId, names: readonly string[]): void {
    this.#membership.leave(names);
    this.#outlet.keep((channel) => this.#membership.follows(channel));
    this.#outlet.send(this.#codec.plain({ id, ok: true }));
  }

  #inOrder(id: OpId, work: () => void | Promise<void>): void {
    if (this.#queued >= longestQueue) throw tooFast();
    this.#queued += 1;
    // What comes after an `auth` is the new caller's.
    const { renewing } = this.#access;
    const step = async (): Promise<void> => {
      try {
        if (renewing) await renewing;
        await work();
      } catch (error) {
        this.#refuse(id, error);
      } finally {
        this.#queued -= 1;
        if (this.#queued === 0) this.#queue = undefined;
      }
    };
    this.#queue = this.#queue ? this.#queue.then(step) : step();
  }

  async #authenticate(id: OpId, token: string): Promise<void> {
    try {
      const { identity, method, expiresAt } = await this.#access.renew(token);
      const caller = { subject: identity.subject, method, expires: expiresAt };
      this.#outlet.send(this.#codec.plain({ id, ok: true, caller }));
      this.#withdraw();
    } catch (error) {
      this.#refuse(id, error);
    }
  }

  /** Ends the subscriptions that the client may not have any more, and says so. */
  #withdraw(): void {
    const channels = this.#membership.withdraw();
    if (!channels) return;
    this.#context.hub.metrics.withdrawn.inc(Object.keys(channels).length);
    this.#outlet.keep((channel) => this.#membership.follows(channel));
    this.#outlet.send(this.#codec.plain({ event: 'unsubscribed', channels }));
  }

  async #call(op: CallOp): Promise<void> {
    this.#calls += 1;
    this.#context.hub.metrics.calls.inc();
    try {
      const { renewing } = this.#access;
      if (renewing) await renewing;
      const reply = await this.#context.call(gatewayCallOf(op, this.#handshake, this.#access.caller));
      this.#outlet.send(this.#codec.reply(op.id, reply));
    } catch (error) {
      this.#refuse(op.id, error);
    } finally {
      this.#calls -= 1;
    }
  }

  /** RFC 6455 section 5.5.3 lets a client ping as it likes, and each ping costs an answer. */
  #onPing(): void {
    this.#alive = true;
    if (!this.#rate.take(1)) this.close('flood');
  }

  #refuse(id: OpId, thrown: unknown): void {
    const error = toSluiceError(thrown);
    if (error.code === 'internal')
      this.#context.logger.error(
        { err: thrown, request_id: this.#handshake.requestId },
        'live operation failed',
      );
    this.#context.hub.metrics.refused.inc({ code: error.code });
    const { code, detail, retryAfter } = error;
    this.#outlet.send(
      this.#codec.plain({
        id,
        ok: false,
        error: {
          code,
          detail,
          ...(error instanceof ChannelsRefused ? { channels: error.channels } : {}),
          ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
        },
      }),
    );
  }
}

function tooFast(): SluiceError {
  return new SluiceError('too_many_requests', 'Messages come faster than this connection may send them.');
}
