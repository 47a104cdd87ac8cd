import { SluiceError, toSluiceError } from '@sluice/errors';
import type { Access } from './access.ts';
import { gatewayCallOf } from './call.ts';
import type { Codec } from './codec.ts';
import type { ConnectionContext } from './connection-context.ts';
import type { Handshake } from './handshake.ts';
import { tooFast, type RateLimit } from './limits.ts';
import type { Membership } from './membership.ts';
import { OpQueue } from './op-queue.ts';
import { opRefusal } from './op-refusal.ts';
import { idOf, parseOp, type CallOp, type Op, type OpId } from './op.ts';
import type { Outlet } from './outlet.ts';
import type { Standing } from './subscription.ts';

/** The parts of a connection that its operations act on. */
export interface OperationsOptions {
  readonly codec: Codec;
  readonly outlet: Outlet;
  readonly membership: Membership;
  readonly access: Access;
  readonly rate: RateLimit;
  readonly context: ConnectionContext;
  readonly handshake: Handshake;
}

/** What one WebSocket client asks for by its messages: each is an operation, and each gets one answer (`docs/live.md`). */
export class Operations {
  readonly #on: OperationsOptions;
  /** Subscribes and unsubscribes. */
  readonly #queue = new OpQueue();
  #calls = 0;

  constructor(on: OperationsOptions) {
    this.#on = on;
  }

  /** Begins what a message asks for. False for one that could not even begin; it has been answered then. */
  begin(data: Buffer, isBinary: boolean): boolean {
    let id: OpId = null;
    try {
      const value = this.#on.codec.decode(data, isBinary);
      id = idOf(value);
      this.#perform(parseOp(value));
      return true;
    } catch (error) {
      this.#refuse(id, error);
      return false;
    }
  }

  /** Ends the subscriptions that the client may not have any more, and says so. */
  withdraw(): void {
    const { membership, context } = this.#on;
    const channels = membership.withdraw();
    if (!channels) return;
    context.hub.metrics.withdrawn.inc(Object.keys(channels).length);
    this.#forgetHeld();
    this.#say({ event: 'unsubscribed', channels });
  }

  /** The connection is over: its subscriptions end, and none begins any more. */
  close(): void {
    this.#queue.close();
    this.#on.membership.close();
  }

  #perform(op: Op): void {
    switch (op.op) {
      case 'ping':
        return this.#say({ id: op.id, ok: true });
      case 'call':
        if (this.#calls >= this.#on.context.config.liveCallsInFlight)
          throw new SluiceError('too_many_requests', 'Too many calls are under way on this connection.');
        return void this.#call(op);
      case 'auth':
        return void this.#authenticate(op.id, op.token);
      case 'unsubscribe':
        return this.#inOrder(op.id, () => this.#unsubscribe(op.id, op.channels));
      case 'subscribe':
        if (!this.#on.rate.take(op.channels.length)) throw tooFast();
        return this.#inOrder(op.id, () =>
          this.#on.membership.join(
            { names: op.channels, resume: op.resume, history: op.history },
            (standings) => this.#welcome(op.id, standings),
          ),
        );
    }
  }

  #inOrder(id: OpId, work: () => void | Promise<void>): void {
    // What comes after an `auth` is the new caller's.
    const { renewing } = this.#on.access;
    this.#queue.add(renewing ? () => renewing.then(work) : work, (error) => this.#refuse(id, error));
  }

  /** What the client missed comes first, as ordinary updates; then the answer says where it stands. */
  #welcome(id: OpId, standings: readonly Standing[]): void {
    const { codec, outlet } = this.#on;
    for (const { events } of standings) for (const event of events) outlet.send(codec.event(event));
    outlet.send(codec.standings({ id, ok: true }, standings));
  }

  #unsubscribe(id: OpId, names: readonly string[]): void {
    this.#on.membership.leave(names);
    this.#forgetHeld();
    this.#say({ id, ok: true });
  }

  async #authenticate(id: OpId, token: string): Promise<void> {
    try {
      const { identity, method, expiresAt } = await this.#on.access.renew(token);
      this.#say({ id, ok: true, caller: { subject: identity.subject, method, expires: expiresAt } });
      this.withdraw();
    } catch (error) {
      this.#refuse(id, error);
    }
  }

  async #call(op: CallOp): Promise<void> {
    const { access, codec, context, handshake, outlet } = this.#on;
    this.#calls += 1;
    context.hub.metrics.calls.inc();
    try {
      const { renewing } = access;
      if (renewing) await renewing;
      const reply = await context.call(gatewayCallOf(op, handshake, access.caller));
      outlet.send(codec.reply(op.id, reply));
    } catch (error) {
      this.#refuse(op.id, error);
    } finally {
      this.#calls -= 1;
    }
  }

  #refuse(id: OpId, thrown: unknown): void {
    const { context, handshake } = this.#on;
    const error = toSluiceError(thrown);
    if (error.code === 'internal')
      context.logger.error({ err: thrown, request_id: handshake.requestId }, 'live operation failed');
    context.hub.metrics.refused.inc({ code: error.code });
    this.#say(opRefusal(id, error));
  }

  /** Events that wait for a slow client are not sent when it has left their channel meanwhile. */
  #forgetHeld(): void {
    const { membership, outlet } = this.#on;
    outlet.keep((channel) => membership.follows(channel));
  }

  #say(message: Readonly<Record<string, unknown>>): void {
    this.#on.outlet.send(this.#on.codec.plain(message));
  }
}
