import { Reconnection } from './reconnection.js';

/**
 * @typedef {{ channel: string, seq: number, prev: number | null, data: any }} LiveEvent
 * @typedef {{ epoch: string, seq: number, recovered?: boolean, data?: any }} Standing
 * @typedef {'connecting' | 'live' | 'degraded' | 'waiting'} StreamState
 *
 * What a user of a channel is told.
 * @typedef {object} Follower
 * @property {(event: LiveEvent) => void} onEvent The next event; nothing lies between it and the one before.
 * @property {(events: readonly LiveEvent[]) => void} onStart A thread begins with these events, or with none: the first
 *   one, or another one because the old one cannot be continued, and then what happened between them is to be loaded.
 * @property {(reason: string) => void} [onRefused]
 * @property {number} [history] Past events to begin with.
 * @property {boolean} [whole] Every event is the whole state: one that was left out, because this client was slow, is
 *   not missed.
 */

/**
 * One channel that is followed.
 * @typedef {object} Seat
 * @property {string} channel
 * @property {Follower} follower
 * @property {string} epoch Which life of the gateway's stream `seq` counts in; empty before the first answer.
 * @property {number} seq The newest event that was passed on.
 * @property {LiveEvent[] | null} early While an answer is awaited: what arrived before it.
 */

const pingAfterMs = 15_000;
const answerWithinMs = 8_000;
/** For the handshake: a browser by itself waits for minutes where the network swallows everything. */
const connectWithinMs = 8_000;
/** An attempt that is older was made before the network came back, and may wait for packets that went nowhere. */
const youngMs = 1_000;
/** Refusals that a later attempt may not meet. */
const transient = new Set(['unavailable', 'too_many_requests', 'deadline_exceeded', 'internal']);

/**
 * The gateway's live channels over one WebSocket. Every event names its predecessor on the channel, so a gap is noticed
 * at once; where a client was is said by (epoch, seq), so a new connection goes on where the old one ended.
 * The protocol is `docs/live.md`.
 */
export class LiveStream {
  #url;
  #onChange;
  /** @type {Map<string, Seat>} */
  #seats = new Map();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {StreamState} */
  #state = 'connecting';
  #degraded = false;
  /** When the newest attempt to connect began. */
  #began = 0;
  #nextId = 1;
  /** Operations that wait for an answer. @type {Map<number, (answer: any) => void>} */
  #asked = new Map();
  #heard = 0;
  #pinged = 0;
  #reconnection = new Reconnection(() => this.#connect());
  /** What happened so far: continued threads, threads begun anew, events that were missing. */
  counts = { resumed: 0, reloaded: 0, gaps: 0, connections: 0 };

  /** `onChange` is told of every change of `state` and of positions. */
  constructor(/** @type {{ url: string, onChange: () => void }} */ { url, onChange }) {
    this.#url = url;
    this.#onChange = onChange;
  }

  get state() {
    return this.#state;
  }

  /** Milliseconds until the next attempt, while there is no connection. */
  get retryMs() {
    return this.#reconnection.waitMs;
  }

  /** Where the channels stand. */
  positions() {
    return [...this.#seats.values()].map(({ channel, epoch, seq }) => ({ channel, epoch, seq }));
  }

  open() {
    this.#connect();
    setInterval(() => this.#watch(), 2_000);
    addEventListener('online', () => this.#hurry());
    // A page that was in the background, or a machine that slept, cannot know how its connection fared.
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#hurry();
    });
  }

  follow(/** @type {string} */ channel, /** @type {Follower} */ follower) {
    /** @type {Seat} */
    const seat = { channel, follower, epoch: '', seq: 0, early: null };
    this.#seats.set(channel, seat);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#join(seat);
  }

  leave(/** @type {string} */ channel) {
    if (!this.#seats.delete(channel)) return;
    if (this.#socket?.readyState === WebSocket.OPEN)
      this.#ask({ op: 'unsubscribe', channels: [channel] }, () => {});
  }

  #connect() {
    this.#setState('connecting');
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#began = performance.now();
    socket.onopen = () => {
      this.counts.connections += 1;
      this.#heard = performance.now();
      this.#pinged = 0;
      for (const seat of this.#seats.values()) this.#join(seat);
      this.#settle();
    };
    socket.onmessage = ({ data }) => {
      this.#heard = performance.now();
      this.#pinged = 0;
      this.#onMessage(JSON.parse(data));
    };
    socket.onclose = () => this.#lost(socket);
  }

  /** Also called for a connection that is given up: its close event may take minutes, or never come. */
  #lost(/** @type {WebSocket} */ socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.onmessage = null;
    socket.close();
    this.#asked.clear();
    this.#degraded = false;
    for (const seat of this.#seats.values()) seat.early = null;
    this.#reconnection.later();
    this.#setState('waiting');
  }

  #join(/** @type {Seat} */ seat) {
    const { channel, epoch, seq, follower } = seat;
    seat.early = [];
    const resume = epoch === '' ? {} : { resume: { [channel]: { epoch, seq } } };
    const history = follower.history === undefined ? {} : { history: follower.history };
    this.#ask({ op: 'subscribe', channels: [channel], ...resume, ...history }, (answer) =>
      this.#onJoined(seat, answer),
    );
  }

  #onJoined(/** @type {Seat} */ seat, /** @type {any} */ answer) {
    if (this.#seats.get(seat.channel) !== seat) return;
    if (answer.ok !== true) return this.#onRefused(seat, answer.error);
    this.#begin(seat, answer.channels[seat.channel]);
    this.#reconnection.succeeded();
    this.#settle();
  }

  /** What came before the answer is the past that was asked for, or what was missed. */
  #begin(/** @type {Seat} */ seat, /** @type {Standing} */ standing) {
    const early = (seat.early ?? []).sort((a, b) => a.seq - b.seq);
    seat.early = null;
    if (seat.epoch !== '' && standing.recovered !== true) this.counts.reloaded += 1;
    seat.epoch = standing.epoch;
    if (standing.recovered === true) {
      for (const event of early) this.#advance(seat, event);
      this.counts.resumed += 1;
      if (seat.early === null && seat.seq !== standing.seq) this.#mend(seat);
      return;
    }
    const { seq, data } = standing;
    seat.seq = seq;
    const past = early.filter((event) => event.seq <= seq);
    if (past.length === 0 && data !== undefined) past.push({ channel: seat.channel, seq, prev: null, data });
    seat.follower.onStart(past);
    for (const event of early) this.#advance(seat, event);
  }

  #onRefused(/** @type {Seat} */ seat, /** @type {any} */ error) {
    const passing = transient.has(error?.code);
    if (!passing) return seat.follower.onRefused?.(error?.detail ?? 'refused');
    const socket = this.#socket;
    setTimeout(
      () => {
        if (socket === this.#socket && this.#seats.get(seat.channel) === seat) this.#join(seat);
      },
      1_000 * (error?.retry_after ?? 1),
    );
  }

  #onMessage(/** @type {any} */ message) {
    if (message.channel !== undefined) {
      const seat = this.#seats.get(message.channel);
      if (!seat) return;
      if (seat.early) seat.early.push(message);
      else this.#advance(seat, message);
    } else if (message.event === undefined) {
      const answered = this.#asked.get(message.id);
      this.#asked.delete(message.id);
      answered?.(message);
    } else this.#onNotice(message);
  }

  #onNotice(/** @type {any} */ notice) {
    if (notice.event === 'closing') return this.#reconnection.expect(notice.reconnect_ms);
    if (notice.event === 'resync') {
      for (const [channel, standing] of Object.entries(notice.channels)) {
        const seat = this.#seats.get(channel);
        if (seat && !seat.early) this.#begin(seat, standing);
      }
      this.#onChange();
    } else if (notice.event === 'degraded' || notice.event === 'restored') {
      this.#degraded = notice.event === 'degraded';
      this.#settle();
    }
  }

  #advance(/** @type {Seat} */ seat, /** @type {LiveEvent} */ event) {
    if (seat.early) return void seat.early.push(event);
    if (event.seq <= seat.seq) return;
    if (event.prev !== null && event.prev > seat.seq && seat.follower.whole !== true) {
      this.counts.gaps += 1;
      return this.#mend(seat);
    }
    seat.seq = event.seq;
    seat.follower.onEvent(event);
    this.#onChange();
  }

  /** Something is missing: leaves the channel and joins it again at the last event that is known. */
  #mend(/** @type {Seat} */ seat) {
    this.#ask({ op: 'unsubscribe', channels: [seat.channel] }, () => {});
    this.#join(seat);
  }

  #ask(/** @type {Record<string, unknown>} */ op, /** @type {(answer: any) => void} */ answered) {
    const id = this.#nextId++;
    this.#asked.set(id, answered);
    this.#socket?.send(JSON.stringify({ id, ...op }));
  }

  /** There may be a way to the gateway again: what waits or hangs is tried anew, what is open is asked. */
  #hurry() {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.CONNECTING && performance.now() - this.#began > youngMs)
      this.#lost(socket);
    this.#reconnection.now();
    this.#ping();
  }

  /** A browser does not show the gateway's heartbeats to a page, so a silent connection is asked. */
  #watch() {
    const now = performance.now();
    if (this.#socket?.readyState === WebSocket.CONNECTING && now - this.#began > connectWithinMs)
      return this.#lost(this.#socket);
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (this.#pinged > 0 && now - this.#pinged > answerWithinMs) this.#lost(this.#socket);
    else if (this.#pinged === 0 && now - this.#heard > pingAfterMs) this.#ping();
  }

  #ping() {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#pinged > 0) return;
    this.#pinged = performance.now();
    this.#ask({ op: 'ping' }, () => {});
  }

  #settle() {
    const joined = [...this.#seats.values()].every(({ early, epoch }) => early === null && epoch !== '');
    if (this.#degraded) this.#setState('degraded');
    else if (joined) this.#setState('live');
  }

  #setState(/** @type {StreamState} */ state) {
    this.#state = state;
    this.#onChange();
  }
}
