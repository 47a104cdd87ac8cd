import type { ServerResponse } from 'node:http';
import { problemHeaders, SluiceError, toProblem, toSluiceError } from '@sluice/errors';
import type { Ending } from '../credentials/authenticator.ts';
import type { Access, AccessOwner } from './access.ts';
import type { Batch } from './batch.ts';
import { closeCodes, type CloseReason } from './close-codes.ts';
import { standingsJson } from './codec.ts';
import { eventIdOf, eventIdPrefix, formatEventId, parseEventId } from './event-id.ts';
import type { Beating } from './heartbeat.ts';
import type { LiveEvent } from './live-event.ts';
import { Membership, type Wish } from './membership.ts';
import { Outlet } from './outlet.ts';
import type { Resume } from './op.ts';
import type { Refusal } from './permissions.ts';
import type { SseRequest } from './sse-request.ts';
import type { Standing, Subscriber, Subscription } from './subscription.ts';
import type { Rechecked } from './sweep.ts';
import type { ConnectionContext, Handshake } from './ws-connection.ts';

/** A comment line (HTML, 9.2.6): keeps proxies from closing a quiet stream. */
const comment = Buffer.from(': \n\n');

/**
 * One client of server-sent events. It follows the same names from beginning to end; the id of every event says where it
 * stands on all of them, so `Last-Event-ID` is enough to go on. Events are shared with all other clients where it
 * follows one name, and get an id of their own where it follows several.
 */
export class SseConnection implements Subscriber, Beating, AccessOwner, Rechecked {
  readonly #response: ServerResponse;
  readonly #context: ConnectionContext;
  readonly #handshake: Handshake;
  readonly #access: Access;
  readonly #names: readonly string[];
  /** Newest sequence the client has of each name, in the same order. */
  readonly #positions: number[];
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
    this.#names = request.names;
    this.#positions = request.names.map(() => 0);
    this.#outlet = new Outlet(
      {
        batch: (batch, subscription) => this.#batch(batch, subscription),
        event: (event, subscription) => this.#event(event, subscription?.name),
      },
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
    this.#positions[this.#names.indexOf(standing.name)] = standing.seq;
    this.#tell('resync', standing);
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
    if (!writableNeedDrain && this.#response.headersSent) this.#outlet.send(comment);
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
    this.#outlet.send(Buffer.from(`retry: ${ms}\nevent: closing\ndata: {"reconnect_ms":${ms}}\n\n`));
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
    // An id of other names or another form is a position all the same: one that nothing can be recovered from.
    const id = parseEventId(lastEventId, names) ?? { epoch: '', sequences: [] };
    const resume: Resume = Object.fromEntries(
      names.map((name, i) => [name, { epoch: id.epoch, seq: id.sequences[i] ?? 0 }]),
    );
    id.sequences.forEach((seq, i) => {
      this.#positions[i] = seq;
    });
    return { names, resume, history };
  }

  #welcome(standings: readonly Standing[]): void {
    const response = this.#response;
    // Ends with the connection: no chunk around every write.
    response.useChunkedEncodingByDefault = false;
    response.writeHead(200, [
      'content-type',
      'text/event-stream',
      'cache-control',
      'no-store, no-transform',
      'x-accel-buffering',
      'no',
      'x-request-id',
      this.#handshake.requestId,
    ]);
    response.flushHeaders();
    // What cannot be resumed is no position any more, in the ids of the other names' events too.
    for (const { name, recovered } of standings)
      if (recovered !== true) this.#positions[this.#names.indexOf(name)] = 0;
    for (const { name, events, seq } of standings) {
      for (const event of events) this.#outlet.send(this.#event(event, name));
      this.#positions[this.#names.indexOf(name)] = seq;
    }
    this.#tell('subscribed', ...standings);
  }

  /** A message that is no position: the id of the event before it stays the client's. */
  #say(event: string, data: Readonly<Record<string, unknown>>): void {
    if (this.#response.headersSent)
      this.#outlet.send(Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
  }

  #tell(event: string, ...standings: Standing[]): void {
    const id = formatEventId(this.#prefix(), this.#positions);
    const data = `{"channels":${standingsJson(standings)}}`;
    this.#outlet.send(Buffer.from(`event: ${event}\nid: ${id}\ndata: ${data}\n\n`));
  }

  #batch(batch: Batch, subscription: Subscription): Buffer {
    if (this.#names.length > 1)
      return Buffer.concat(batch.events.map((event) => this.#event(event, subscription.name)));
    this.#positions[0] = batch.events.at(-1)?.seq ?? 0;
    return batch.sse;
  }

  #event(event: LiveEvent, name = event.channel): Buffer {
    const at = this.#names.indexOf(name);
    // A channel of a pattern whose lost event was fetched late is behind the others.
    this.#positions[at] = Math.max(this.#positions[at] ?? 0, event.seq);
    return event.sseEvent(
      this.#names.length > 1
        ? formatEventId(this.#prefix(), this.#positions)
        : eventIdOf(this.#context.hub.epoch, name, this.#positions[0] as number),
    );
  }

  #prefix(): string {
    return eventIdPrefix(this.#context.hub.epoch, this.#names);
  }

  /** Ends the subscriptions that the client may not have any more, and the stream when none is left. */
  #withdraw(): void {
    const channels: Record<string, Refusal> | null = this.#membership.withdraw();
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
    const { requestId } = this.#handshake;
    const headers = [...problemHeaders(error), 'x-request-id', requestId];
    // RFC 9110 section 11.6.1: a 401 says what it asks for.
    if (error.status === 401) headers.push('www-authenticate', this.#context.challenge());
    this.#response.writeHead(error.status, headers);
    this.#response.end(JSON.stringify(toProblem(error, requestId)));
  }
}
