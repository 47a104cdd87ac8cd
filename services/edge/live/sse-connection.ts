import type { ServerResponse } from 'node:http';
import { SluiceError, toSluiceError } from '@sluice/errors';
import type { Ending } from '../credentials/authenticator.ts';
import type { Access, AccessOwner } from './access.ts';
import type { Batch } from './batch.ts';
import { closeCodes, type CloseReason } from './close-codes.ts';
import type { ConnectionContext } from './connection-context.ts';
import type { Handshake } from './handshake.ts';
import type { Beating } from './heartbeat.ts';
import { Membership, type Wish } from './membership.ts';
import { Outlet } from './outlet.ts';
import { SseCodec, sseComment, sseMessage } from './sse-codec.ts';
import type { SseRequest } from './sse-request.ts';
import { answerProblem, beginEventStream } from './sse-response.ts';
import type { Standing, Subscriber, Subscription } from './subscription.ts';
import type { Rechecked } from './sweep.ts';

/**
 * One client of server-sent events. It follows the same names from beginning to end; the id of every event says where it
 * stands on all of them, so `Last-Event-ID` is enough to go on.
 */
export class SseConnection implements Subscriber, Beating, AccessOwner, Rechecked {
  readonly #response: ServerResponse;
  readonly #context: ConnectionContext;
  readonly #handshake: Handshake;
  readonly #access: Access;
  readonly #codec: SseCodec;
  readonly #outlet: Outlet;
  readonly #membership: Membership;
  readonly #opened = Date.now();
  #closing: CloseReason | undefined;
  /** Bytes that waited at the last heartbeat, while they wait for the client. */
  #stalled: number | undefined;

  constructor(
    response: ServerResponse,
    request: SseRequest,
    context: ConnectionContext,
    handshake: Handshake,
    access: Access,
  ) {
    const { hub, config, rules } = context;
    this.#response = response;
    this.#context = context;
    this.#handshake = handshake;
    this.#access = access;
    this.#codec = new SseCodec(request.names, hub);
    this.#outlet = new Outlet(
      this.#codec,
      response,
      { pulse: hub.pulse, metrics: hub.metrics, budget: config.liveBudget },
      () => this.#cutOff('slow'),
    );
    this.#membership = new Membership(this, hub, { access, rules });
    access.own(this);
  }

  /** Subscribes and begins the stream, or answers with a problem document. Never rejects. */
  async start(request: SseRequest): Promise<void> {
    try {
      await this.#membership.join(this.#wish(request), (standings) => this.#welcome(standings));
    } catch (thrown) {
      this.#refuse(thrown);
    }
  }

  deliver(batch: Batch, subscription: Subscription): void {
    this.#outlet.deliver(batch, subscription);
  }

  resync(_subscription: Subscription, standing: Standing): void {
    this.#outlet.send(this.#codec.resync(standing));
  }

  notify(event: 'degraded' | 'restored'): void {
    this.#say(event, {});
  }

  heartbeat(): void {
    const { writableLength, writableNeedDrain } = this.#response;
    if (writableNeedDrain && this.#stalled !== undefined && writableLength >= this.#stalled)
      return this.#cutOff('unresponsive');
    this.#stalled = writableNeedDrain ? writableLength : undefined;
    // A slow client has bytes under way that keep the connection busy.
    if (!writableNeedDrain && this.#response.headersSent) this.#outlet.send(sseComment);
  }

  expiring(inMs: number): void {
    this.#say('expiring', { in_ms: Math.round(inMs) });
  }

  ended(why: Ending): void {
    this.#end(why);
  }

  changed(): void {
    this.#context.recheckSoon(this);
  }

  recheck(): void {
    const { addressAllowed } = this.#context;
    if (this.#closing) return;
    if (!addressAllowed(this.#handshake.address)) return this.#end('refused');
    this.#access.refresh();
    this.#withdraw();
  }

  retire(afterMs: number): void {
    if (this.#closing) return;
    const ms = Math.round(afterMs);
    this.#outlet.send(sseMessage('closing', { reconnect_ms: ms }, ms));
    this.#finish('going_away');
  }

  terminate(): void {
    this.#response.destroy();
  }

  /** The response is over. Gives what belongs into the log. */
  record(): Record<string, unknown> {
    const reason = this.#closing;
    this.#closing ??= 'gone';
    this.#membership.close();
    this.#outlet.close();
    this.#context.hub.metrics.closed.inc({ reason: reason ?? 'client' });
    return {
      request_id: this.#handshake.requestId,
      client: this.#handshake.address,
      transport: 'sse',
      ...this.#access.facts,
      ...(reason === undefined ? {} : { reason }),
      ms: Date.now() - this.#opened,
    };
  }

  #wish({ names, lastEventId, history }: SseRequest): Wish {
    if (lastEventId === undefined) return { names, history };
    return { names, resume: this.#codec.resume(lastEventId), history };
  }

  #welcome(standings: readonly Standing[]): void {
    beginEventStream(this.#response, this.#handshake.requestId);
    for (const message of this.#codec.welcome(standings)) this.#outlet.send(message);
  }

  /** Nothing can be said before the stream has begun. */
  #say(event: string, data: Readonly<Record<string, unknown>>): void {
    if (this.#response.headersSent) this.#outlet.send(sseMessage(event, data));
  }

  /** Ends the subscriptions that the client may not have any more, and the stream when none is left. */
  #withdraw(): void {
    const channels = this.#membership.withdraw();
    if (!channels) return;
    this.#context.hub.metrics.withdrawn.inc(Object.keys(channels).length);
    this.#outlet.keep((channel) => this.#membership.follows(channel));
    this.#say('unsubscribed', { channels });
    if (this.#membership.size === 0) this.#end('withdrawn');
  }

  /** Names the reason and ends the stream; before it has begun, that is a problem document. */
  #end(reason: 'expired' | 'revoked' | 'refused' | 'withdrawn'): void {
    if (this.#closing) return;
    const { text } = closeCodes[reason];
    if (!this.#response.headersSent) {
      const code = reason === 'expired' || reason === 'revoked' ? 'unauthorized' : 'forbidden';
      this.#closing = reason;
      this.#membership.close();
      return this.#answer(new SluiceError(code, `The stream cannot begin: ${text}.`));
    }
    this.#say('end', { reason, detail: text });
    this.#finish(reason);
  }

  #finish(reason: CloseReason): void {
    this.#closing = reason;
    this.#membership.close();
    this.#outlet.beat();
    this.#outlet.close();
    this.#response.end();
  }

  #cutOff(reason: CloseReason): void {
    if (this.#closing) return;
    this.#closing = reason;
    this.#membership.close();
    this.#outlet.close();
    this.#response.destroy();
  }

  #refuse(thrown: unknown): void {
    // It was answered when it was closed.
    if (this.#closing) return;
    const error = toSluiceError(thrown);
    if (!(thrown instanceof SluiceError))
      this.#context.logger.error(
        { err: thrown, request_id: this.#handshake.requestId },
        'live stream failed',
      );
    if (this.#response.headersSent) return this.#cutOff('gone');
    this.#answer(error);
  }

  #answer(error: SluiceError): void {
    this.#context.hub.metrics.refused.inc({ code: error.code });
    answerProblem(this.#response, error, this.#handshake.requestId, this.#context.challenge);
  }
}
